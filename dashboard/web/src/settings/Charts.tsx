import { Text } from '@mantine/core';
import { Link, useSearch } from '@tanstack/react-router';
import { Empty } from '~/parts/states';
import { Table } from './Table';
import { useEnvironments } from './useEnvironments';

/** Where the charts of each environment may come from, and which hosts are asked with a password. */
export function Charts() {
  const { ns } = useSearch({ strict: false });
  const environments = useEnvironments();
  return (
    <Table
      title="Charts"
      heads={['Environment', 'May come from', 'With credentials for', 'Kubernetes']}
      pending={environments.isPending}
      error={environments.error}
      again={() => void environments.refetch()}
      empty={<Empty>There are no environments yet, so no charts are fetched.</Empty>}
      rows={(environments.data ?? []).map(({ metadata: { namespace, name }, spec: { render } }) => (
        <tr key={`${namespace}/${name}`}>
          <td>
            <Link
              to="/environments/$namespace/$name"
              params={{ namespace, name }}
              search={{ ns }}
              className="text-link"
            >
              {name}
            </Link>
          </td>
          <td className="wrap">{render?.chartHosts?.join(', ') || 'any host'}</td>
          <td className="wrap">
            {render?.chartSecrets?.map(({ host, secretRef }) => `${host} (Secret ${secretRef.name})`).join(', ') ||
              'none'}
          </td>
          <td>{render?.kubernetesVersion ?? 'as it is'}</td>
        </tr>
      ))}
      note={
        <Text size="xs" c="dimmed" p="xs">
          Charts are pinned by digest, and kept by the operator: at most 512 MiB, what was not used for longest goes
          first. An index is asked for again after 30 seconds, the list of versions after five minutes.
        </Text>
      }
    />
  );
}
