import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReleaseRow } from '~/api/server';
import { Age } from '~/parts/Age';
import { WordIcon } from '~/parts/WordMark';

const verbs: Record<string, string> = {
  rollback: 'rolled back',
  promote: 'promoted',
  adopt: 'adopted the hand-made change of',
  plan: 'planned',
};

/** The newest releases, everywhere. */
export function Recent({ releases }: { releases: readonly ReleaseRow[] }) {
  if (releases.length === 0) return null;
  return (
    <section className="panel recent" aria-label="Recent releases">
      <header>
        <h2>Recent releases</h2>
      </header>
      <ul>
        {releases.map(({ namespace, name, app, environment, kind, word, text, version, user, reason, created }) => (
          <li key={`${namespace}/${name}`}>
            <Age time={created} />
            <WordIcon word={word} />
            <Link to="/releases/$namespace/$name" params={{ namespace, name }} className="recent-what">
              {user || 'somebody'} {verbs[kind] ?? 'released'} {app} → {environment}
            </Link>
            <span className="mono">{version}</span>
            <Text span inherit c="dimmed" className="ellipsis recent-why" title={reason ?? text}>
              {reason ? `“${reason}”` : word !== 'Healthy' && text}
            </Text>
          </li>
        ))}
      </ul>
    </section>
  );
}
