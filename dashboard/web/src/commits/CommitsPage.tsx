import { Alert, Button, Group, Select, Text, TextInput, Tooltip } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useRef } from 'react';
import type { Artifact, Repository } from '~/api/kinds';
import type { EnvironmentCard, Row } from '~/api/server';
import { readBranches, readCommits, readPullRequests, readTags } from '~/api/views';
import { useOverview, useRepositoryScope } from '~/live/scopes';
import { useFeedStatus, useValues } from '~/live/useFeed';
import { useRefetchOn } from '~/live/useRefetchOn';
import { columnsOf } from '~/overview/matrix';
import { useKeys } from '~/parts/keys';
import { Empty, Failure, Loading } from '~/parts/states';
import { CommitTable } from './CommitTable';
import { filterCommits, isJudged, newsOf, type Only, onlyFrom, pollOf, withArtifact } from './commits';
import { PullRequests } from './PullRequests';
import { Tags } from './Tags';
import { useDeployable } from './useDeployable';
import './commits.css';

const ONLY: [Only, string, string][] = [
  ['artifact', 'With artifact', 'Commits that something was built of.'],
  ['deployable', 'Deployable', 'Commits with an artifact that has a manifest for an environment here.'],
];

/** From source to where it runs: the commits of a branch, their checks, and their places. */
export function CommitsPage() {
  const { namespace = '', repository = '' } = useParams({ strict: false });
  const { branch, q = '', ns, ...search } = useSearch({ strict: false });
  const only = onlyFrom(search.only);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const filter = useRef<HTMLInputElement>(null);
  const branchPick = useRef<HTMLInputElement>(null);
  const overview = useOverview(ns);
  const cards = useValues<EnvironmentCard>(overview, 'env:');
  const rows = useValues<Row>(overview, 'row:');
  const { loaded, problem } = useFeedStatus(overview);
  const columns = columnsOf(cards, rows).filter(({ cards }) => cards.some((card) => card.namespace === namespace));
  const own = useMemo(() => rows.filter((row) => row.namespace === namespace), [rows, namespace]);
  const repo = useRepositoryScope(namespace, repository);
  const [found] = useValues<Repository>(repo, 'repository:');
  const [news] = useValues<number>(repo, 'news:');

  const branches = useQuery({
    queryKey: ['branches', namespace, repository],
    queryFn: () => readBranches(namespace, repository),
  });
  const tags = useQuery({
    queryKey: ['tags', namespace, repository],
    queryFn: () => readTags(namespace, repository),
  });
  const pulls = useQuery({
    queryKey: ['pulls', namespace, repository],
    queryFn: () => readPullRequests(namespace, repository),
  });
  const commits = useInfiniteQuery({
    queryKey: ['commits', namespace, repository, branch],
    queryFn: ({ pageParam }) => readCommits(namespace, repository, branch, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: ({ state }) =>
      found &&
      pollOf(
        found,
        state.data?.pages.flatMap(({ items }) => items),
      ),
  });
  // What is pushed, built or released elsewhere is in the list by now.
  const told = useMemo(() => {
    const places = own.flatMap(({ app, cells }) =>
      Object.entries(cells).map(([name, { version, word, release }]) => [app, name, version, word, release].join(' ')),
    );
    return [found && newsOf(found), news, ...places].join();
  }, [own, found, news]);
  useRefetchOn(found && loaded && news !== undefined ? told : undefined, () => {
    for (const kind of ['commits', 'branches', 'tags', 'pulls'])
      void queries.invalidateQueries({ queryKey: [kind, namespace, repository] });
    void queries.invalidateQueries({
      queryKey: ['artifact', namespace],
      predicate: ({ state }) => !isJudged(state.data as Artifact | null | undefined),
    });
  });
  const all = useMemo(() => commits.data?.pages.flatMap(({ items }) => items) ?? [], [commits.data]);
  const matching = filterCommits(all, q);
  const environments = columns.map(({ name }) => name);
  const deployable = useDeployable(namespace, matching, environments, only === 'deployable');
  const fits = ({ name }: { name: string }) => only === 'artifact' || deployable.names.has(name);
  const shown = only ? withArtifact(matching, fits) : matching;
  const pending = commits.isPending || (only === 'deployable' && (deployable.pending || (!loaded && !problem)));
  const [first] = commits.data?.pages ?? [];
  const set = (change: Record<string, string | undefined>) =>
    void navigate({ to: '.', replace: true, search: (old) => ({ ...old, ...change }) });
  useKeys([
    { key: '/', label: 'filter', run: () => filter.current?.focus() },
    { key: 'B', label: 'branch', run: () => branchPick.current?.focus() },
  ]);

  return (
    <>
      <div className="page-head">
        <h1>
          <Link to="/commits" search={{ ns }} className="quiet-link">
            Commits
          </Link>
          <Text span size="sm" c="dimmed">
            {namespace} / {repository}
          </Text>
        </h1>
      </div>
      <Group gap="xs" mb="sm">
        <Select
          ref={branchPick}
          size="xs"
          w={200}
          aria-label="Branch"
          data={[...new Set([branch ?? first?.branch, ...(branches.data?.items.map(({ name }) => name) ?? [])])].filter(
            (name): name is string => Boolean(name),
          )}
          value={branch ?? first?.branch ?? null}
          onChange={(branch) => set({ branch: branch ?? undefined })}
          searchable
          allowDeselect={false}
        />
        <TextInput
          ref={filter}
          size="xs"
          w={240}
          leftSection={<IconSearch size={14} />}
          placeholder="Message, commit, author"
          aria-label="Filter"
          value={q}
          onChange={(event) => set({ q: event.currentTarget.value || undefined })}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
        {ONLY.map(([kind, label, what]) => (
          <Tooltip key={kind} label={what} multiline maw={280} withArrow>
            <Button
              size="xs"
              variant={only === kind ? 'filled' : 'default'}
              aria-pressed={only === kind}
              onClick={() => set({ only: only === kind ? undefined : kind })}
            >
              {label}
            </Button>
          </Tooltip>
        ))}
      </Group>
      {first?.incomplete && (
        <Alert color="yellow" variant="light" p="xs" mb="sm">
          {first.incomplete}
        </Alert>
      )}
      {commits.error && (
        <Failure error={commits.error} again={() => void commits.refetch()} kept={commits.dataUpdatedAt} />
      )}
      {deployable.error ? <Failure error={deployable.error} again={deployable.again} kept={shown.length > 0} /> : null}
      {pending && shown.length === 0 && <Loading lines={10} />}
      {!pending && commits.data && shown.length === 0 && (
        <section className="panel">
          <Empty>{all.length ? 'No commit fits the filter.' : 'The branch has no commits.'}</Empty>
        </section>
      )}
      {shown.length > 0 && (
        <CommitTable commits={shown} columns={columns} namespace={namespace} stale={commits.error !== null} />
      )}
      {commits.hasNextPage && (
        <Group justify="center" mt="sm">
          <Button
            size="compact-sm"
            variant="default"
            loading={commits.isFetchingNextPage}
            onClick={() => void commits.fetchNextPage()}
          >
            Older
          </Button>
        </Group>
      )}
      {tags.data && tags.data.items.length > 0 && <Tags tags={tags.data} namespace={namespace} commits={all} />}
      {found && pulls.data && pulls.data.items.length > 0 && (
        <PullRequests pulls={pulls.data.items} repository={found} rows={loaded ? own : undefined} />
      )}
    </>
  );
}
