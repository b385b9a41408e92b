import { type App, isSilent, type Release } from '~/api/kinds';
import { Age } from '~/parts/Age';
import { Conditions } from '~/parts/Conditions';
import { Outside, Sha } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';

/** What git, Flux and the cluster say of an app. */
export function AppFacts({ app, releases }: { app: App; releases: readonly Release[] }) {
  const { status } = app;
  const current = status?.current;
  const commit = releases.find(({ metadata }) => metadata.name === current?.name)?.status?.commit;
  const live = status?.live;
  return (
    <section className="panel" aria-label="State">
      <header>
        <h2>State</h2>
      </header>
      <div className="panel-body">
        <dl className="facts">
          {current && (
            <>
              <dt>In git</dt>
              <dd>
                <Sha id={current.commit} href={commit?.url} /> <Age time={current.time} ago />
                {commit && ` · ${commit.branch}, ${commit.path}`}
              </dd>
            </>
          )}
          {current?.source && (
            <>
              <dt>Source</dt>
              <dd>
                <Sha id={current.source} />
              </dd>
            </>
          )}
          {live && (
            <>
              <dt>Runs</dt>
              <dd>
                <WordMark word={isSilent(app) ? 'Unknown' : live.state} size={14} />
                {live.replicas && ` ${live.replicas} replicas`}
                {live.commit && current && live.commit !== current.commit && (
                  <>
                    {' '}
                    · Flux applied <Sha id={live.commit} />
                  </>
                )}
              </dd>
            </>
          )}
          {status?.previous && (
            <>
              <dt>Before</dt>
              <dd>
                <span className="mono">{status.previous.version}</span> <Age time={status.previous.time} ago />
              </dd>
            </>
          )}
          {status?.preview?.url && (
            <>
              <dt>Preview</dt>
              <dd>
                <Outside href={status.preview.url}>{status.preview.url}</Outside>
              </dd>
            </>
          )}
          <dt>Hold</dt>
          <dd>{app.spec.hold?.reason ?? 'none'}</dd>
          <dt>Drift</dt>
          <dd>{status?.drift?.git ?? 'none'}</dd>
        </dl>
        <Conditions conditions={status?.conditions} />
      </div>
    </section>
  );
}
