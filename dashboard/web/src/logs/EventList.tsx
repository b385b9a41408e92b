import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { readEvents } from '~/api/agents';
import type { Panel } from '~/domain/panel';
import { Age } from '~/parts/Age';
import { Empty, Failure, Loading } from '~/parts/states';
import { WordIcon } from '~/parts/WordMark';

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
          <table className="data">
            <thead>
              <tr>
                <th>Event</th>
                <th>About</th>
                <th>Age</th>
                <th>Times</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ time, warning, reason, object, message, count }) => (
                <tr key={`${time} ${object} ${reason} ${message}`}>
                  <td className="wrap">
                    <span className="word-mark" data-word={warning ? 'Drifted' : 'Ended'}>
                      {warning && <WordIcon word="Drifted" size={14} quiet />}
                      <strong>{reason}</strong>
                      {warning && <span className="visually-hidden">, a warning</span>}
                    </span>
                    <div>{message}</div>
                  </td>
                  <td className="mono wrap">{object}</td>
                  <td>
                    <Age time={time} />
                  </td>
                  <td>{count}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}
