import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { readFailedNotifications, toReadEvents } from '~/api/events';
import { useRight } from '~/api/rights';
import { Age } from '~/parts/Age';
import { Empty } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { lastFailure, withoutFailure } from './failures';
import { Table } from './Table';
import { useEnvironments } from './useEnvironments';

/** Who is told of what, and what did not get through. */
export function Notifiers() {
  const { ns } = useSearch({ strict: false });
  const environments = useEnvironments();
  const found = (environments.data ?? []).flatMap(({ metadata, spec }) =>
    (spec.notifications ?? []).map((notification) => ({ ...metadata, notification })),
  );
  return (
    <Table
      title="Notifications"
      heads={['Environment', 'Name', 'To', 'Of', 'Apps', 'Last failure']}
      pending={environments.isPending}
      error={environments.error}
      again={() => void environments.refetch()}
      empty={<Empty>Nobody is told of anything. Notifications are set in the file of an Environment.</Empty>}
      rows={found.map(({ namespace, name, notification }) => (
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
            <LastFailure namespace={namespace} environment={name} notification={notification.name} />
          </td>
        </tr>
      ))}
    />
  );
}

/** What did not get through last, as the events of the namespace tell; of each namespace it may be another right. */
function LastFailure({
  namespace,
  environment,
  notification,
}: {
  namespace: string;
  environment: string;
  notification: string;
}) {
  const right = useRight(toReadEvents(namespace));
  const events = useQuery({
    queryKey: ['failed notifications', namespace],
    queryFn: () => readFailedNotifications(namespace),
    enabled: right.allowed,
    staleTime: 60_000,
  });
  const failure = lastFailure(events.data ?? [], environment, notification);
  if (!failure) return withoutFailure(right, events);
  return (
    <>
      <WordMark word="Failed" size={14}>
        <Age time={failure.time} ago />
      </WordMark>
      <Text size="xs">{failure.message}</Text>
    </>
  );
}
