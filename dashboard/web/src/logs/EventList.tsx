import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { readEvents } from '~/api/agents';
import type { Panel } from '~/domain/panel';
import { Empty, Failure, Loading } from '~/parts/states';
import { EventTable } from './EventTable';

/** How often events are asked for; Kubernetes itself gathers those that repeat. */
export const OFTEN = 5000;

/** The events of an app's pods, workloads and Flux' objects, the newest first. */
export function EventList({ panel: { namespace, app, environment } }: { panel: Panel }) {
  const { find } = useSearch({ strict: false });
  const navigate = useNavigate();
  const onlyWarnings = find === 'warnings';
  const events = useQuery({
    queryKey: ['events', namespace, environment, app],
    queryFn: () => readEvents(namespace, environment, app),
    refetchInterval: ({ state }) => (state.error ? false : OFTEN),
  });
  const shown = (events.data ?? []).filter(({ warning }) => warning || !onlyWarnings).reverse();
  return (
    <>
      <div className="logs-bar">
        <Checkbox
          size="xs"
          label="warnings only"
          checked={onlyWarnings}
          onChange={() =>
            void navigate({
              to: '.',
              replace: true,
              search: (old) => ({ ...old, find: onlyWarnings ? undefined : 'warnings' }),
            })
          }
        />
      </div>
      {events.error && (
        <div className="logs-said">
          <Failure error={events.error} again={() => void events.refetch()} kept={events.dataUpdatedAt} />
        </div>
      )}
      {events.isPending && <Loading lines={6} />}
      {events.data && shown.length === 0 && (
        <Empty>
          {onlyWarnings ? 'There is no warning.' : 'There are no events: the cluster keeps them for about an hour.'}
        </Empty>
      )}
      {shown.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
        <section className={events.error ? 'logs-events stale' : 'logs-events'} aria-label="Events" tabIndex={0}>
          <EventTable events={shown} />
        </section>
      )}
    </>
  );
}
