import { Button, Group, Loader, Select, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useRef, useState } from 'react';
import type { Denial, EnvironmentCard, ReleaseRow, Row } from '~/api/server';
import { readHistory } from '~/api/views';
import { useDenials, useOverview } from '~/live/scopes';
import { useFeedStatus, useValues } from '~/live/useFeed';
import { useRefetchOn } from '~/live/useRefetchOn';
import { useKeys } from '~/parts/keys';
import { saveFile } from '~/parts/save';
import { Empty, Failure, Loading } from '~/parts/states';
import { AuditTable } from './AuditTable';
import { useCommitLinks } from './links';
import { denialsOf, filterLog, type LogEntry, type LogPage, mergeLogs, toCsv, withDenials } from './log';
import { rangeOf, spans } from './range';

const ACTIONS = ['release', 'rollback', 'adopt', 'uninstall', 'environment', 'by hand', 'denied'];
const PAGE = 40;

/** For each environment, what to ask for next; nothing where its log has ended. */
type Cursors = Record<string, string>;

/** Who did what, when and why: the release log that is in git, and what was refused. */
export function AuditPage() {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const overview = useOverview(search.ns);
  const status = useFeedStatus(overview);
  const cards = useValues<EnvironmentCard>(overview, 'env:');
  const rows = useValues<Row>(overview, 'row:');
  const releases = useValues<ReleaseRow>(overview, 'rel:');
  const filter = useRef<HTMLInputElement>(null);
  const [openedAt] = useState(() => Math.floor(Date.now() / 60_000) * 60_000);

  const names = [...new Set(cards.map(({ name }) => name))];
  const apps = [...new Set(rows.map(({ app }) => app))].sort();
  const asked = cards.filter(({ name }) => !search.env || name === search.env);
  const places = asked.map(({ namespace, name }) => `${namespace}/${name}`);
  const { since, until, problem } = rangeOf(search, openedAt);

  const log = useInfiniteQuery({
    queryKey: ['audit', places, search.app, search.who, since, until],
    queryFn: async ({ pageParam }): Promise<LogPage[]> => {
      if (problem) return [];
      const wanted = pageParam ? asked.filter(({ namespace, name }) => pageParam[`${namespace}/${name}`]) : asked;
      return Promise.all(
        wanted.map(async ({ namespace, name }): Promise<LogPage> => {
          const before = pageParam?.[`${namespace}/${name}`];
          const question = { app: search.app, person: search.who, since, until, limit: PAGE, before };
          return { namespace, environment: name, page: await readHistory(namespace, name, question) };
        }),
      );
    },
    initialPageParam: undefined as Cursors | undefined,
    getNextPageParam: (pages) => {
      const next = pages.flatMap(({ namespace, environment, page }) =>
        page.next ? [[`${namespace}/${environment}`, page.next]] : [],
      );
      return next.length ? (Object.fromEntries(next) as Cursors) : undefined;
    },
    enabled: places.length > 0,
    refetchInterval: 15_000,
    placeholderData: (old) => old,
  });
  const refused = useValues<Denial>(useDenials(search.ns), 'denied:');
  const all = useMemo(() => {
    const wanted = { app: search.app, environment: search.env, person: search.who, since, until };
    return withDenials(mergeLogs(log.data?.pages.flat() ?? []), denialsOf(refused, wanted), log.hasNextPage);
  }, [log.data, log.hasNextPage, refused, search.app, search.env, search.who, since, until]);
  // A release that goes on, and a commit of anybody that an environment has seen, are in the log by now.
  const heads = cards.map(({ namespace, name, head }) => `${namespace}/${name} ${head?.commit}`);
  const phases = releases.map(({ namespace, name, phase }) => `${namespace}/${name} ${phase}`);
  useRefetchOn(status.loaded ? [...heads, ...phases].join() : undefined, () => void log.refetch());
  const entries = filterLog(all, { action: search.action ?? '', text: search.q ?? '' });
  const linkOf = useCommitLinks(all);
  const pathOf = (entry: LogEntry) =>
    cards.find(({ namespace, name }) => namespace === entry.namespace && name === entry.environment)?.path;
  const people = [
    ...new Set([...(search.who ? [search.who] : []), ...all.flatMap(({ requestedBy }) => requestedBy ?? [])]),
  ];
  const set = (change: Record<string, string | null | undefined>) =>
    void navigate({
      to: '.',
      replace: true,
      search: (old) => ({
        ...old,
        ...Object.fromEntries(Object.entries(change).map(([name, text]) => [name, text || undefined])),
      }),
    });
  useKeys([{ key: '/', label: 'filter', run: () => filter.current?.focus() }]);

  return (
    <>
      <div className="page-head">
        <h1>Audit log {log.isFetching && !log.isPending && <Loader size={14} role="status" aria-label="Loading" />}</h1>
        <Group gap="xs">
          <Button
            size="compact-sm"
            variant="default"
            disabled={entries.length === 0}
            onClick={() => saveFile('audit.csv', 'text/csv', toCsv(entries))}
          >
            CSV
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            disabled={entries.length === 0}
            onClick={() => saveFile('audit.json', 'application/json', JSON.stringify(entries, null, 2))}
          >
            JSON
          </Button>
        </Group>
      </div>
      <Group gap="xs" mb="sm" align="flex-start">
        <Pick label="Who" value={search.who} data={people.sort()} onChange={(who) => set({ who })} />
        <Pick label="App" value={search.app} data={apps} onChange={(app) => set({ app })} />
        <Pick label="Environment" value={search.env} data={names} onChange={(env) => set({ env })} />
        <Pick label="Action" value={search.action} data={ACTIONS} onChange={(action) => set({ action })} />
        <Pick
          label="Any time"
          value={search.from || search.to ? undefined : search.since}
          data={spans}
          onChange={(since) => set({ since, from: null, to: null })}
        />
        <Day label="From" value={search.from} onChange={(from) => set({ from, since: null })} />
        <Day label="To" value={search.to} problem={problem} onChange={(to) => set({ to, since: null })} />
        <TextInput
          ref={filter}
          size="xs"
          w={220}
          leftSection={<IconSearch size={14} />}
          placeholder="Filter"
          aria-label="Filter"
          value={search.q ?? ''}
          onChange={(event) => set({ q: event.currentTarget.value })}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
      </Group>
      {status.problem && <Failure error={status.problem} again={() => void overview.reload()} kept={status.at} />}
      {log.error && (
        <Failure error={log.error} again={() => void log.refetch()} kept={log.dataUpdatedAt || all.length > 0} />
      )}
      {(log.isPending && places.length > 0) || (!status.loaded && !status.problem) ? <Loading lines={10} /> : null}
      {status.loaded && places.length === 0 && <Empty>There are no environments yet, so nothing was released.</Empty>}
      {log.data && entries.length === 0 && (
        <section className="panel">
          <Empty
            next={
              <Button
                variant="default"
                size="xs"
                onClick={() =>
                  set({ who: null, app: null, env: null, action: null, since: null, from: null, to: null, q: null })
                }
              >
                Show everything
              </Button>
            }
          >
            Nothing fits the filter{all.length > 0 && ` among the ${all.length} newest entries`}.
          </Empty>
        </section>
      )}
      {entries.length > 0 && <AuditTable entries={entries} linkOf={linkOf} pathOf={pathOf} />}
      {log.data && (
        <Group justify="center" mt="sm" gap="sm">
          <Text size="xs" c="dimmed">
            {entries.length} {entries.length === 1 ? 'entry' : 'entries'}
          </Text>
          {log.hasNextPage && (
            <Button
              size="compact-sm"
              variant="default"
              loading={log.isFetchingNextPage}
              onClick={() => void log.fetchNextPage()}
            >
              Older
            </Button>
          )}
        </Group>
      )}
    </>
  );
}

interface PickProps {
  label: string;
  value: string | undefined;
  data: string[];
  onChange: (value: string | null) => void;
}

const Pick = ({ label, value, data, onChange }: PickProps) => (
  <Select
    size="xs"
    w={140}
    placeholder={label}
    aria-label={label}
    value={value ?? null}
    data={value && !data.includes(value) ? [value, ...data] : data}
    onChange={onChange}
    clearable
    searchable
  />
);

interface DayProps {
  label: string;
  value: string | undefined;
  problem?: string;
  onChange: (value: string) => void;
}

const Day = ({ label, value, problem, onChange }: DayProps) => (
  <TextInput
    type="date"
    size="xs"
    w={140}
    aria-label={label}
    title={label}
    value={value ?? ''}
    error={problem}
    onChange={(event) => onChange(event.currentTarget.value)}
  />
);
