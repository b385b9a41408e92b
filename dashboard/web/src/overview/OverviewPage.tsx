import { ActionIcon, Button, Code, Group, SegmentedControl, TextInput, Title } from '@mantine/core';
import { IconSearch, IconX } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useDeferredValue, useMemo, useRef } from 'react';
import { useMe } from '~/api/rights';
import type { EnvironmentCard, ReleaseRow, Row } from '~/api/server';
import { usePreferences } from '~/domain/preferences';
import { useSelection } from '~/domain/selection';
import { NewEnvironment } from '~/environments/NewEnvironment';
import { useOverview } from '~/live/scopes';
import { useFeedStatus, useValues } from '~/live/useFeed';
import { useKeys } from '~/parts/keys';
import { Empty, Failure, Loading } from '~/parts/states';
import { NoRights } from '~/shell/NoRights';
import { Attention } from './Attention';
import { ColumnPick } from './ColumnPick';
import { ordered, shown } from './columns';
import { GroupPick } from './GroupPick';
import { groupFrom, linesOf, namesFrom, namesToText, toggled } from './lines';
import { Matrix } from './Matrix';
import { columnsOf, counts, isShut, newest, type Show, select, showFrom } from './matrix';
import { Recent } from './Recent';
import { SelectionBar } from './SelectionBar';
import './overview.css';

const labels: Record<Show, string> = {
  all: 'All',
  failing: 'Failing',
  waiting: 'Waiting',
  drifted: 'Drifted',
  behind: 'Behind',
  mine: 'Mine',
};

/** What runs where, what is wrong, what waits. */
export function OverviewPage() {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const feed = useOverview(search.ns);
  const status = useFeedStatus(feed);
  const rows = useValues<Row>(feed, 'row:');
  const cards = useValues<EnvironmentCard>(feed, 'env:');
  const releases = useValues<ReleaseRow>(feed, 'rel:');
  const { stars } = usePreferences();
  const user = useMe().data?.user;
  const filter = useRef<HTMLInputElement>(null);

  const text = search.q ?? '';
  const show = showFrom(search.show);
  const order = search.order === 'worst' ? 'worst' : 'name';
  const wanted = useDeferredValue(text);
  const selected = useMemo(
    () => select(rows, { text: wanted, show, order, stars, user }),
    [rows, wanted, show, order, stars, user],
  );
  const group = groupFrom(search.group);
  const folded = useMemo(() => namesFrom(search.fold), [search.fold]);
  const lines = useMemo(() => linesOf(selected, group, folded, order), [selected, group, folded, order]);
  const columns = useMemo(() => columnsOf(cards, rows), [cards, rows]);
  const hidden = useMemo(() => namesFrom(search.hide), [search.hide]);
  const arranged = useMemo(() => ordered(columns, namesFrom(search.cols)), [columns, search.cols]);
  const visible = useMemo(() => shown(arranged, hidden), [arranged, hidden]);
  const count = useMemo(() => counts(rows, user), [rows, user]);
  const selection = useSelection();
  const shownSelected = lines.filter((line) => line.kind === 'app' && selection.has(line.row.key)).length;
  const set = (change: Record<string, string | undefined>) =>
    void navigate({ to: '.', replace: true, search: (old) => ({ ...old, ...change }) });

  useKeys([{ key: '/', label: 'filter', run: () => filter.current?.focus() }]);

  if (!status.loaded && status.problem?.status === 403 && !search.ns) {
    return <NoRights again={() => void feed.reload()} />;
  }
  if (!status.loaded) {
    return status.problem ? (
      <Failure error={status.problem} again={() => void feed.reload()} />
    ) : (
      <Loading lines={12} height={40} />
    );
  }
  if (cards.length === 0 && rows.length === 0) {
    return (
      <Empty next={<NewEnvironment />}>
        There are no environments yet. Make one here, with <Code>gimlet env create</Code> or <Code>kubectl apply</Code>:
        it appears by itself.
      </Empty>
    );
  }
  return (
    <div className={status.problem ? 'stale' : undefined}>
      <Title order={1} className="visually-hidden">
        Overview
      </Title>
      {status.problem && <Failure error={status.problem} again={() => void feed.reload()} kept={status.at} />}
      <Attention count={count} cards={cards} onShow={(show) => set({ show })} />
      <Group justify="space-between" mb="sm" gap="sm">
        <Group gap={6} role="group" aria-label="Show">
          {(Object.keys(labels) as Show[])
            .filter((each) => each === 'all' || each === show || count[each] > 0)
            .map((each) => (
              <Button
                key={each}
                size="compact-sm"
                variant={each === show ? 'filled' : 'default'}
                aria-pressed={each === show}
                onClick={() => set({ show: each === 'all' ? undefined : each })}
              >
                {labels[each]} {count[each]}
              </Button>
            ))}
        </Group>
        <Group gap="sm">
          <GroupPick group={group} onPick={(group) => set({ group, fold: undefined })} />
          <ColumnPick usual={columns} columns={arranged} hidden={hidden} onChange={set} />
          <SegmentedControl
            size="xs"
            aria-label="Order"
            value={order}
            onChange={(value) => set({ order: value === 'worst' ? value : undefined })}
            data={[
              { value: 'name', label: 'By name' },
              { value: 'worst', label: 'Problems first' },
            ]}
          />
          <TextInput
            ref={filter}
            size="xs"
            className="filter"
            leftSection={<IconSearch size={14} />}
            rightSection={
              text && (
                <ActionIcon
                  size="xs"
                  variant="subtle"
                  aria-label="Clear the filter"
                  onClick={() => set({ q: undefined })}
                >
                  <IconX size={12} />
                </ActionIcon>
              )
            }
            placeholder="Filter apps, versions, authors"
            aria-label="Filter"
            value={text}
            onChange={(event) => set({ q: event.currentTarget.value || undefined })}
            onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
          />
        </Group>
      </Group>
      <SelectionBar rows={rows} shown={shownSelected} columns={columns} />
      {selected.length > 0 ? (
        <Matrix
          lines={lines}
          group={group}
          columns={visible}
          all={columns}
          onFold={(name) => set({ fold: namesToText(toggled(folded, name)) })}
        />
      ) : (
        <section className="panel">
          <Empty
            next={
              rows.length > 0 && (
                <Button variant="default" size="xs" onClick={() => set({ q: undefined, show: undefined })}>
                  Show all {rows.length} apps
                </Button>
              )
            }
          >
            {rows.length > 0
              ? 'No app fits the filter.'
              : columns.some(isShut)
                ? 'You may see environments here, and no app: that needs `list apps`.'
                : 'No app is released yet. The first release makes it: gimlet release, or a push with a policy.'}
          </Empty>
        </section>
      )}
      <Recent releases={newest(releases, 8)} />
    </div>
  );
}
