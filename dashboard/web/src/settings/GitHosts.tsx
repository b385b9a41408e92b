import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { sentence } from '~/api/http';
import { type Condition, condition, type Repository } from '~/api/kinds';
import { readBranches } from '~/api/views';
import { clockTime } from '~/domain/time';
import { wordOfCondition } from '~/domain/words';
import { useRepositories } from '~/live/scopes';
import { useFeedStatus, useValues } from '~/live/useFeed';
import { Age } from '~/parts/Age';
import { Empty } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { hookOf, hostOf } from './hosts';
import { Table } from './Table';
import { useEnvironments } from './useEnvironments';

/** Of so many repositories the host is asked what is left of its limit: one request for each. */
const ASKED = 20;

/** The git hosts, by what is there: repositories of applications, and those that environments write. */
export function GitHosts() {
  const { ns } = useSearch({ strict: false });
  const feed = useRepositories(ns);
  const { loaded, problem } = useFeedStatus(feed);
  const repositories = useValues<Repository>(feed, 'repository:');
  const environments = useEnvironments();
  const found = useMemo(
    () =>
      repositories
        .map((repository) => ({ host: hostOf(repository.spec.url), repository }))
        .sort(
          (a, b) =>
            a.host.localeCompare(b.host) || a.repository.metadata.name.localeCompare(b.repository.metadata.name),
        ),
    [repositories],
  );
  const rows = found.map(({ host, repository }, at) => (
    <RepositoryLine
      key={`${repository.metadata.namespace}/${repository.metadata.name}`}
      host={host}
      repository={repository}
      asks={at < ASKED}
    />
  ));
  const written = (environments.data ?? []).map(({ metadata: { namespace, name }, spec, status }) => (
    <tr key={`environment ${namespace}/${name}`}>
      <td>{hostOf(spec.gitops.url)}</td>
      <td>
        <Link
          to="/environments/$namespace/$name"
          params={{ namespace, name }}
          search={{ ns, tab: 'repository' }}
          className="text-link"
        >
          gitops of {name}
        </Link>
      </td>
      <State ready={condition(status?.conditions, 'GitReady')} />
      <td>—</td>
      <td>—</td>
    </tr>
  ));
  return (
    <Table
      title="Git hosts"
      heads={['Host', 'Repository', 'Access', 'Requests left', 'Webhook']}
      pending={(!loaded && !problem) || environments.isPending}
      error={problem ?? environments.error}
      again={() => void Promise.all([feed.reload(), environments.refetch()])}
      empty={<Empty>No repository is connected yet.</Empty>}
      rows={[...rows, ...written]}
    />
  );
}

/** Whether the operator gets in; if not, in the host's words. */
function State({ ready }: { ready: Condition | undefined }) {
  return (
    <td style={{ maxWidth: 340 }}>
      <WordMark word={wordOfCondition(ready?.status)} size={15}>
        {ready?.status === 'True' ? 'works' : (ready?.reason ?? 'unknown')}
      </WordMark>
      {ready && ready.status !== 'True' && (
        <Text size="xs" className="wrap">
          {ready.message}
        </Text>
      )}
    </td>
  );
}

function RepositoryLine({ host, repository, asks }: { host: string; repository: Repository; asks: boolean }) {
  const { namespace, name } = repository.metadata;
  const limit = useQuery({
    queryKey: ['rate limit', namespace, name],
    queryFn: async () => (await readBranches(namespace, name)).rateLimit ?? null,
    enabled: asks,
    staleTime: 300_000,
  });
  const hook = hookOf(repository);
  return (
    <tr>
      <td>{host}</td>
      <td>
        <Link
          to="/commits/$namespace/$repository"
          params={{ namespace, repository: name }}
          search={({ ns }) => ({ ns })}
          className="text-link"
        >
          {name}
        </Link>
      </td>
      <State ready={condition(repository.status?.conditions, 'Ready')} />
      <td title={limit.error ? sentence(limit.error) : undefined}>
        {limit.data ? (
          <>
            {limit.data.remaining} of {limit.data.limit}
            <Text span size="xs" c="dimmed">
              {' '}
              until {clockTime(limit.data.reset)}
            </Text>
          </>
        ) : limit.error ? (
          'not known'
        ) : limit.data === null ? (
          'the host does not say'
        ) : (
          '—'
        )}
      </td>
      <td>
        {hook.text} {hook.seen && <Age time={hook.seen} ago />}
      </td>
    </tr>
  );
}
