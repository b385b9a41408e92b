import { Link } from '@tanstack/react-router';
import { sumOf } from '~/domain/diff';
import type { SetLine } from '~/domain/releaseSet';
import { wordOfPhase } from '~/domain/words';
import { Empty } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';

/** The release of each app of a set, and how it is on its way. */
export function SetReleases({ namespace, lines }: { namespace: string; lines: readonly SetLine[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
    <section className="panel scroll-x" aria-label="Releases" tabIndex={0}>
      <header>
        <h2>Releases</h2>
      </header>
      {lines.length === 0 ? (
        <Empty>The operator finds out which apps it is for; then it makes a release of each.</Empty>
      ) : (
        <table className="data">
          <thead>
            <tr>
              <th>App</th>
              <th>State</th>
              <th>Version</th>
              <th>Changes</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(({ app, name, phase, version, text, release }) => (
              <tr key={app}>
                <td>
                  <Link
                    to="/releases/$namespace/$name"
                    params={{ namespace, name }}
                    search={({ ns }) => ({ ns })}
                    title={`Release ${name}`}
                    className="text-link"
                  >
                    {app}
                  </Link>
                </td>
                <td>
                  <WordMark word={wordOfPhase(phase)} size={14}>
                    {phase ?? 'Pending'}
                  </WordMark>
                  {text && <div className="wrap">{text}</div>}
                </td>
                <td className="mono">{version ?? '—'}</td>
                <td>{release?.status?.plan ? sumOf(release.status.plan) : '—'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
