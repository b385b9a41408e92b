import { Button, Checkbox, Drawer, Group, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { App, Release } from '~/api/kinds';
import { toRelease, useRight } from '~/api/rights';
import { type HistoryEntry, readDiff, readHistory } from '~/api/views';
import { actToText } from '~/domain/act';
import { commitLinks, folderOf } from '~/domain/links';
import { wordOfPhase } from '~/domain/words';
import { Age } from '~/parts/Age';
import { Diff } from '~/parts/Diff';
import { Guarded } from '~/parts/Guarded';
import { useKeys } from '~/parts/keys';
import { Empty, Failure, Loading, Sha } from '~/parts/states';
import { WordIcon } from '~/parts/WordMark';
import { pairOf, pickedFrom } from './compare';

/** The log of the app in git: releases, rollbacks, and what people did by hand. */
export function AppHistory({ app, releases }: { app: App; releases: readonly Release[] }) {
  const { namespace } = app.metadata;
  const { app: name, environment } = app.spec;
  const current = app.status?.current?.commit;
  const { compare, show } = useSearch({ strict: false });
  const navigate = useNavigate();
  const right = useRight(toRelease(namespace));
  const history = useInfiniteQuery({
    queryKey: ['history', namespace, environment, name, current],
    queryFn: ({ pageParam }) => readHistory(namespace, environment, { app: name, limit: 15, before: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    placeholderData: (old) => old,
  });
  const entries = history.data?.pages.flatMap(({ items }) => items) ?? [];
  const picked = pickedFrom(compare);
  const pick = (commit: string) => {
    const next = picked.includes(commit) ? picked.filter((each) => each !== commit) : [...picked, commit].slice(-2);
    setCompare(next.length ? next.join('..') : undefined);
  };
  const setCompare = (compare: string | undefined, show?: string) =>
    void navigate({ to: '.', replace: true, search: (old) => ({ ...old, compare, show }) });
  const pair = pairOf(
    picked,
    entries.map(({ commit }) => commit),
    current,
    app.status?.previous?.commit,
  );
  const openDiff = () => pair && setCompare(`${pair.from}..${pair.to}`, 'diff');
  useKeys(
    pair ? [{ key: 'd', label: picked.length > 0 ? 'compare' : 'compare with the release before', run: openDiff }] : [],
  );

  const linkOf = commitLinks(releases);

  return (
    <section className="panel" aria-label="History">
      <header>
        <h2>History</h2>
        {pair && picked.length > 0 && (
          <Button size="compact-xs" variant="default" onClick={openDiff}>
            Compare {pair.from.slice(0, 7)} with {picked.length === 1 ? 'now' : pair.to.slice(0, 7)}
          </Button>
        )}
      </header>
      {history.isPending && (
        <div className="panel-body">
          <Loading lines={5} />
        </div>
      )}
      {history.error && (
        <Failure
          error={history.error}
          again={() => void history.refetch()}
          kept={history.dataUpdatedAt || entries.length > 0}
        />
      )}
      {history.data && entries.length === 0 && <Empty>Git has nothing of this app yet.</Empty>}
      <ol className="history">
        {entries.map((entry) => (
          <li key={entry.commit} data-current={entry.commit === current}>
            <Checkbox
              size="xs"
              aria-label={`Compare ${entry.version ?? entry.commit.slice(0, 7)}`}
              checked={picked.includes(entry.commit)}
              onChange={() => pick(entry.commit)}
            />
            <Entry
              entry={entry}
              release={releases.find(({ metadata }) => metadata.name === entry.release)}
              app={app}
              href={linkOf(entry.commit)}
            />
            {entry.commit === current ? (
              <Text size="xs" fw={600}>
                now
              </Text>
            ) : (
              <Guarded
                right={right}
                size="compact-xs"
                variant="subtle"
                onClick={() =>
                  void navigate({
                    to: '.',
                    search: (old) => ({
                      ...old,
                      act: actToText({
                        kind: 'rollback',
                        namespace,
                        app: name,
                        environment,
                        to: entry.release ?? entry.commit,
                      }),
                    }),
                  })
                }
              >
                Roll back…
              </Guarded>
            )}
          </li>
        ))}
      </ol>
      {history.hasNextPage && (
        <Group justify="center" pb="sm">
          <Button
            size="compact-sm"
            variant="subtle"
            loading={history.isFetchingNextPage}
            onClick={() => void history.fetchNextPage()}
          >
            Older
          </Button>
        </Group>
      )}
      {pair && (picked.length > 0 || show === 'diff') && (
        <Compare
          app={app}
          from={pair.from}
          to={pair.to}
          folder={folderOf(releases)}
          opened={show === 'diff'}
          onClose={() => setCompare(compare)}
        />
      )}
    </section>
  );
}

const verbs: Record<string, string> = {
  rollback: 'rolled back',
  adopt: 'adopted',
  uninstall: 'uninstalled',
  release: 'released',
};

interface EntryProps {
  entry: HistoryEntry;
  release: Release | undefined;
  app: App;
  href: string | undefined;
}

function Entry({ entry, release, app, href }: EntryProps) {
  const { namespace } = app.metadata;
  const { commit, time, action, version, requestedBy, reason, subject } = entry;
  const byHand = !action;
  return (
    <div className="history-entry">
      <div className="history-line">
        <WordIcon word={byHand ? 'Drifted' : release ? wordOfPhase(release.status?.phase) : 'Ended'} size={14} />
        {entry.release ? (
          <Link to="/releases/$namespace/$name" params={{ namespace, name: entry.release }} className="text-link mono">
            {version ?? entry.release}
          </Link>
        ) : (
          <span className="mono">{version ?? commit.slice(0, 7)}</span>
        )}
        <span className="ellipsis">
          {byHand ? 'by hand' : (verbs[action] ?? action)} {requestedBy && `by ${requestedBy}`}
        </span>
        <Age time={time} />
      </div>
      <Text size="xs" c="dimmed" className="wrap">
        {reason ? `“${reason}”` : byHand ? subject : null} <Sha id={commit} href={href} />
      </Text>
    </div>
  );
}

interface CompareProps {
  app: App;
  from: string;
  to: string;
  folder: string | undefined;
  opened: boolean;
  onClose: () => void;
}

function Compare({ app, from, to, folder, opened, onClose }: CompareProps) {
  const { namespace } = app.metadata;
  const { app: name, environment } = app.spec;
  const diff = useQuery({
    queryKey: ['diff', namespace, environment, name, from, to],
    queryFn: () => readDiff(namespace, environment, name, from, to),
    enabled: opened,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size={860}
      title={`${name} in ${environment}: ${from.slice(0, 7)} → ${to.slice(0, 7)}`}
    >
      {diff.isPending && <Loading />}
      {diff.error && <Failure error={diff.error} again={() => void diff.refetch()} />}
      {diff.data && <Diff difference={diff.data} folder={folder} />}
    </Drawer>
  );
}
