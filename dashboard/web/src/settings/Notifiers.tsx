import { Text } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { readFailedNotifications, toReadEvents } from '~/api/events';
import { sentence } from '~/api/http';
import { useRight } from '~/api/rights';
import { Age } from '~/parts/Age';
import { Empty } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { lastFailure } from './failures';
import { Table } from './Table';
import { useEnvironments } from './useEnvironments';

/** Who is told of what, and what did not get through. */
export function Notifiers() {
  const { ns } = useSearch({ strict: false });
  const environments = useEnvironments();
  const found = (environments.data ?? []).flatMap(({ metadata, spec }) =>
    (spec.notifications ?? []).map((notification) => ({ ...metadata, notification })),
  );
  const namespaces = [...new Set(found.map(({ namespace }) => namespace))];
  const right = useRight(toReadEvents(namespaces[0] ?? ns ?? 'default'));
  const events = useQueries({
    queries: namespaces.map((namespace) => ({
      queryKey: ['failed notifications', namespace],
      queryFn: () => readFailedNotifications(namespace),
      enabled: right.allowed,
      staleTime: 60_000,
    })),
  });
  const error = events.find((each) => each.error)?.error;
  return (
    <Table
      title="Notifications"
      heads={['Environment', 'Name', 'To', 'Of', 'Apps', 'Last failure']}
      pending={environments.isPending}
      error={environments.error}
      again={() => void environments.refetch()}
      empty={<Empty>Nobody is told of anything. Notifications are set in the file of an Environment.</Empty>}
      rows={found.map(({ namespace, name, notification }) => {
        const failure = lastFailure(events[namespaces.indexOf(namespace)]?.data ?? [], name, notification.name);
        return (
          <tr key={`${namespace}/${name}/${notification.name}`}>
            <td>
              <Link
                to="/environments/$namespace/$name"
                params={{ namespace, name }}
                search={{ ns, tab: 'notifications' }}
                className="text-link"
              >
                {name}
              </Link>
            </td>
            <td>{notification.name}</td>
            <td>{notification.provider}</td>
            <td className="wrap">{notification.events?.join(', ') || 'everything'}</td>
            <td className="wrap">{notification.apps?.join(', ') || 'all'}</td>
            <td className="wrap" style={{ maxWidth: 320 }}>
              {failure ? (
                <>
                  <WordMark word="Failed" size={14}>
                    <Age time={failure.time} ago />
                  </WordMark>
                  <Text size="xs">{failure.message}</Text>
                </>
              ) : right.allowed && !error ? (
                'none for an hour'
              ) : (
                'not known'
              )}
            </td>
          </tr>
        );
      })}
      note={
        (!right.allowed || error) && (
          <Text size="xs" c="dimmed" p="xs">
            What did not get through is in the events of the namespace: {error ? sentence(error) : right.text}
          </Text>
        )
      }
    />
  );
}
