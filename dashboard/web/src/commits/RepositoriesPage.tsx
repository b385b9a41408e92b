import { Code, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { get } from '~/api/http';
import { condition, type List, pathOf, type Repository } from '~/api/kinds';
import { readNamespaces } from '~/api/server';
import { wordOfCondition } from '~/domain/words';
import { Empty, Failure, Loading } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';

async function readRepositories(namespace: string | undefined): Promise<Repository[]> {
  const namespaces = namespace ? [namespace] : await readNamespaces();
  const lists = await Promise.all(namespaces.map((each) => get<List<Repository>>(pathOf('repositories', each))));
  return lists.flatMap(({ items }) => items);
}

/** The repositories of applications. */
export function RepositoriesPage() {
  const { ns } = useSearch({ strict: false });
  const repositories = useQuery({
    queryKey: ['repositories', ns],
    queryFn: () => readRepositories(ns),
    refetchInterval: 15_000,
  });
  const found = repositories.data ?? [];
  return (
    <>
      <div className="page-head">
        <h1>Commits</h1>
      </div>
      {repositories.error && (
        <Failure error={repositories.error} again={() => void repositories.refetch()} kept={found.length > 0} />
      )}
      {repositories.isPending && <Loading />}
      {repositories.data && found.length === 0 && (
        <Empty>
          No repository is connected. Create a <Code>Repository</Code> that names its address, and its commits appear
          here.
        </Empty>
      )}
      {found.length > 0 && (
        <section className="panel scroll-x" aria-label="Repositories">
          <table className="data">
            <thead>
              <tr>
                <th>Repository</th>
                <th>State</th>
                <th>Newest commit</th>
                <th>Branches</th>
                <th>Pull requests</th>
                <th>Webhook</th>
              </tr>
            </thead>
            <tbody>
              {found.map(({ metadata: { namespace, name }, spec, status }) => {
                const ready = condition(status?.conditions, 'Ready');
                return (
                  <tr key={`${namespace}/${name}`}>
                    <td className="wrap">
                      <Link
                        to="/commits/$namespace/$repository"
                        params={{ namespace, repository: name }}
                        search={({ ns }) => ({ ns })}
                        className="text-link"
                      >
                        <strong>{name}</strong>
                      </Link>
                      <Text size="xs" c="dimmed">
                        {spec.url.replace(/^https?:\/\//, '')}
                      </Text>
                    </td>
                    <td style={{ maxWidth: 320 }}>
                      <WordMark word={wordOfCondition(ready?.status)} size={15} />
                      {ready?.status !== 'True' && (
                        <Text size="xs" className="wrap">
                          {ready?.message}
                        </Text>
                      )}
                    </td>
                    <td>
                      <span className="mono">{status?.head?.short ?? '—'}</span> {status?.head?.branch}
                    </td>
                    <td>{status?.branches ?? '—'}</td>
                    <td>{status?.pullRequests ?? '—'}</td>
                    <td>{spec.webhookSecretRef ? 'yes' : `none; looked at each ${spec.interval ?? '1m'}`}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}
