import { Code, Text } from '@mantine/core';
import { Link, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { condition, type Repository } from '~/api/kinds';
import { wordOfCondition } from '~/domain/words';
import { useRepositories } from '~/live/scopes';
import { useFeedStatus, useValues } from '~/live/useFeed';
import { Empty, Failure, Loading } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';

const byName = ({ metadata: a }: Repository, { metadata: b }: Repository) =>
  a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name);

/** The repositories of applications. */
export function RepositoriesPage() {
  const { ns } = useSearch({ strict: false });
  const feed = useRepositories(ns);
  const { loaded, problem, at } = useFeedStatus(feed);
  const repositories = useValues<Repository>(feed, 'repository:');
  const found = useMemo(() => [...repositories].sort(byName), [repositories]);
  return (
    <>
      <div className="page-head">
        <h1>Commits</h1>
      </div>
      {problem && <Failure error={problem} again={() => void feed.reload()} kept={at} />}
      {!loaded && !problem && <Loading />}
      {loaded && found.length === 0 && (
        <Empty>
          No repository is connected. Create a <Code>Repository</Code> that names its address, and its commits appear
          here.
        </Empty>
      )}
      {found.length > 0 && (
        <section className={`panel scroll-x ${problem ? 'stale' : ''}`} aria-label="Repositories">
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
