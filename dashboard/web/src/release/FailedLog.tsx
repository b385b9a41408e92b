import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { agentRight } from '~/api/agentRights';
import type { Running } from '~/api/agents';
import { sentence } from '~/api/http';
import type { App, Release } from '~/api/kinds';
import { type Panel, withPanel } from '~/domain/panel';
import { type Sick, sickOf } from '~/domain/pods';
import { useAppScope } from '~/live/scopes';
import { useValue } from '~/live/useFeed';
import { useLog } from '~/logs/useLog';
import { useNow } from '~/parts/Age';
import { TextBlock } from '~/parts/CopyAs';
import { Loading } from '~/parts/states';

const TAIL = 20;

/** The end of the log of a pod that fails, while it is of this release and an agent can be asked for it. */
export function FailedLog({ release: { metadata, spec } }: { release: Release }) {
  const { namespace, name } = metadata;
  const { app, environment } = spec;
  const feed = useAppScope(namespace, app, environment);
  const found = useValue<App>(feed, `app:${namespace}/${app}.${environment}`);
  const running = useValue<Running>(feed, `running:${namespace}/${app}.${environment}`);
  const now = useNow();
  const sick = sickOf(running?.state.pods ?? []);
  // What runs now is of the release that is in git now.
  if (found?.status?.current?.name !== name || !sick) return null;
  if (!agentRight(running, environment, 'logs', now).allowed) return null;
  return <Tail panel={{ tab: 'logs', namespace, app, environment }} sick={sick} />;
}

function Tail({ panel, sick: { pod, container, previous } }: { panel: Panel; sick: Sick }) {
  const { stream, status } = useLog(panel, { pods: pod, containers: container, previous, tail: TAIL, follow: false });
  const lines = stream.buffer
    .all(() => true)
    .flatMap((entry) =>
      entry.kind === 'line'
        ? [entry.count > 1 ? `${entry.text} (×${entry.count})` : entry.text, ...(entry.more ?? [])]
        : [],
    )
    .slice(-TAIL);
  const nothing = stream.buffer.length === 0;
  return (
    <section className="panel failed-log" aria-label="End of the log">
      <header>
        <h2>{previous ? 'The end of the log before it was started again' : 'The end of the log'}</h2>
        <Link
          to="."
          search={(old) => withPanel(old, panel, { pod, container, previous: previous ? 'true' : undefined })}
          className="text-link"
        >
          All of it
        </Link>
      </header>
      <div className="panel-body">
        <Text size="xs" c="dimmed" mb={4} className="mono wrap">
          {pod} · {container}
        </Text>
        {nothing && status.state === 'asking' && <Loading lines={4} />}
        {nothing && status.problem !== undefined && <Text size="sm">{sentence(status.problem)}</Text>}
        {nothing && status.problem === undefined && status.state === 'over' && (
          <Text size="sm">It has written nothing.</Text>
        )}
        {!nothing && <TextBlock label="Last lines" text={lines.join('\n')} />}
      </div>
    </section>
  );
}
