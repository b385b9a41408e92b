import { Checkbox } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, type KeyboardEvent, useRef, useState } from 'react';
import { actToText } from '~/domain/act';
import { withPanel } from '~/domain/panel';
import { toggleStar, usePreferences } from '~/domain/preferences';
import { selectAll, toggleSelected, useSelection } from '~/domain/selection';
import { togetherToText, whyNotTogether } from '~/domain/together';
import { useKeys } from '~/parts/keys';
import { AppRow } from './AppRow';
import { ColumnHead } from './ColumnHead';
import { GroupHead } from './GroupHead';
import type { Group, Line } from './lines';
import { type Column, isShut, nextAfter } from './matrix';
import { Peek, type Place } from './Peek';

interface Spot {
  row: number;
  column: number;
}

const steps: Record<string, Spot> = {
  ArrowUp: { row: -1, column: 0 },
  ArrowDown: { row: 1, column: 0 },
  ArrowLeft: { row: 0, column: -1 },
  ArrowRight: { row: 0, column: 1 },
};

/** Height of the head of a group, in pixels. */
const HEAD = 32;
/** Width of the column of an environment whose apps may not be read, in pixels. */
const THIN = 34;

interface Props {
  lines: readonly Line[];
  group: Group | undefined;
  /** The columns that are shown, in their order. */
  columns: readonly Column[];
  /** All columns in the order of promotion, which the ones that are hidden belong to. */
  all: readonly Column[];
  onFold: (name: string) => void;
}

const toPlace = ({ top, left, width, height }: DOMRect): Place => ({ top, left, width, height });

/** Apps by environments. Only the rows in sight are drawn; arrows move from cell to cell. */
export function Matrix({ lines, group, columns, all, onFold }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [spot, setSpot] = useState<Spot>({ row: 0, column: 0 });
  // By name: rows move while one looks.
  const [peeked, setPeeked] = useState<{ key: string; environment: string; place: Place } | undefined>();
  const { dense } = usePreferences();
  const selection = useSelection();
  const narrow = useMediaQuery('(max-width: 700px)') ?? false;
  const navigate = useNavigate();
  const height = narrow ? 46 + columns.length * 40 : dense ? 34 : 54;
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => place.current,
    estimateSize: (index) => (lines[index]?.kind === 'group' ? HEAD : height),
    overscan: 8,
    getItemKey: (index) => {
      const line = lines[index];
      return line?.kind === 'group' ? `group ${line.name}` : (line?.row.key ?? index);
    },
  });

  const at = { row: Math.min(spot.row, lines.length - 1), column: Math.min(spot.column, columns.length - 1) };
  const line = lines[at.row];
  const row = line?.kind === 'app' ? line.row : undefined;
  const environment = columns[at.column]?.name;
  const cell = row && environment ? row.cells[environment] : undefined;

  const elementAt = ({ row, column }: Spot) =>
    place.current?.querySelector<HTMLElement>(`[data-spot="${row}.${column}"], [data-spot="${row}.group"]`);
  const focusAt = (spot: Spot) => elementAt(spot)?.focus();
  const move = (step: Spot, then: (next: Spot) => void = focusAt) => {
    const next = {
      row: Math.max(0, Math.min(lines.length - 1, at.row + step.row)),
      column: Math.max(0, Math.min(columns.length - 1, at.column + step.column)),
    };
    setSpot(next);
    virtual.scrollToIndex(next.row);
    requestAnimationFrame(() => then(next));
  };
  const peek = (spot: Spot) => {
    const line = lines[spot.row];
    const name = columns[spot.column]?.name;
    const box = elementAt(spot)?.getBoundingClientRect();
    const there = line?.kind === 'app' && name && line.row.cells[name];
    setPeeked(there && box ? { key: line.row.key, environment: name, place: toPlace(box) } : undefined);
    if (!there) focusAt(spot);
  };
  const follow = () => {
    if (!peeked) return;
    const row = lines.findIndex((each) => each.kind === 'app' && each.row.key === peeked.key);
    peek({ row, column: columns.findIndex(({ name }) => name === peeked.environment) });
  };
  const closePeek = () => {
    setPeeked(undefined);
    requestAnimationFrame(() => focusAt(at));
  };
  const press = (event: KeyboardEvent) => {
    const step = steps[event.key];
    const inGrid = event.target instanceof HTMLElement && event.target.dataset.spot;
    if (!inGrid || event.ctrlKey || event.metaKey || event.altKey) return;
    // The focus is still here for a moment after a look began.
    if (peeked && (event.key === ' ' || event.key === 'Escape')) closePeek();
    else if (event.key === ' ' && row) peek(at);
    else if (line?.kind === 'group' && step?.column) {
      // As in a tree: to the left it folds, to the right it unfolds.
      if (line.folded === step.column > 0) onFold(line.name);
    } else if (step) move(step, peeked ? peek : focusAt);
    else return;
    event.preventDefault();
  };
  const act = (text: string | undefined) =>
    text && void navigate({ to: '.', search: (old) => ({ ...old, act: text }) });

  useKeys([
    { key: 'j', label: 'down', run: () => move({ row: 1, column: 0 }) },
    { key: 'k', label: 'up', run: () => move({ row: -1, column: 0 }) },
    {
      key: 'Enter',
      label: 'open',
      run: () =>
        row &&
        environment &&
        void navigate({
          to: '/apps/$namespace/$app/$environment',
          params: { namespace: row.namespace, app: row.app, environment },
          search: ({ ns }) => ({ ns }),
        }),
    },
    {
      key: 'r',
      label: 'release',
      run: () =>
        row &&
        act(
          actToText({
            kind: 'release',
            namespace: row.namespace,
            app: row.app,
            environments: environment ? [environment] : [],
          }),
        ),
    },
    {
      key: 'p',
      label: 'promote right',
      run: () => {
        if (!environment) return;
        const keys = [...selection];
        const [first] = keys;
        if (first) {
          const namespace = first.slice(0, first.indexOf('/'));
          const to = nextAfter(all, namespace, environment);
          // The bar says why not.
          if (!to || whyNotTogether(keys)) return;
          const apps = keys.map((key) => key.slice(namespace.length + 1));
          return act(togetherToText({ namespace, apps, from: environment, to }));
        }
        const to = row && nextAfter(all, row.namespace, environment);
        if (!row || !cell || !to) return;
        act(
          actToText({ kind: 'promote', namespace: row.namespace, app: row.app, from: environment, environments: [to] }),
        );
      },
    },
    {
      key: 'b',
      label: 'roll back',
      run: () =>
        row &&
        environment &&
        cell &&
        act(actToText({ kind: 'rollback', namespace: row.namespace, app: row.app, environment })),
    },
    {
      key: 'l',
      label: 'logs',
      run: () =>
        row &&
        environment &&
        cell &&
        void navigate({
          to: '.',
          search: (old) => withPanel(old, { tab: 'logs', namespace: row.namespace, app: row.app, environment }),
        }),
    },
    { key: ' ', label: 'peek', run: () => peek(at) },
    { key: 'x', label: 'select', run: () => row && toggleSelected(row.key) },
    { key: '*', label: 'star', run: () => row && toggleStar(row.key) },
  ]);

  const keys = lines.flatMap((each) => (each.kind === 'app' ? [each.row.key] : []));
  const chosen = keys.filter((key) => selection.has(key)).length;
  const thin = columns.filter(isShut).length;
  const style = {
    '--columns': columns.map((each) => (isShut(each) ? `${THIN}px` : 'minmax(185px, 1fr)')).join(' '),
    '--least': `${200 + thin * THIN + (columns.length - thin) * 185}px`,
    '--row': `${height}px`,
  } as CSSProperties;
  const lookedAt = peeked?.environment;
  const looked = peeked && lines.find((each) => each.kind === 'app' && each.row.key === peeked.key);
  const lookedCell = looked?.kind === 'app' && lookedAt ? looked.row.cells[lookedAt] : undefined;
  return (
    <div
      className="panel matrix"
      data-dense={dense}
      style={style}
      ref={place}
      onKeyDown={press}
      // The panel goes with what is looked at, and away with it.
      onScroll={follow}
      role="presentation"
    >
      <div
        role="grid"
        aria-label="Apps by environment"
        aria-multiselectable="true"
        aria-rowcount={lines.length + 1}
        aria-colcount={columns.length + 1}
      >
        <div role="row" className="matrix-head" tabIndex={-1}>
          <span role="columnheader" tabIndex={-1}>
            <Checkbox
              size="xs"
              aria-label="Select all that are shown"
              checked={chosen > 0 && chosen === keys.length}
              indeterminate={chosen > 0 && chosen < keys.length}
              onChange={() => selectAll(keys, chosen < keys.length)}
            />
            App
          </span>
          {columns.map((column) => (
            <ColumnHead key={column.name} column={column} />
          ))}
        </div>
        <div className="matrix-rows" role="presentation" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, key, start }) => {
            const shown = lines[index];
            if (!shown) return null;
            if (shown.kind === 'group') {
              return (
                group && (
                  <GroupHead
                    key={key}
                    line={shown}
                    group={group}
                    index={index}
                    start={start}
                    width={columns.length + 1}
                    here={index === at.row}
                    onSpot={() => setSpot({ row: index, column: at.column })}
                    onFold={() => onFold(shown.name)}
                  />
                )
              );
            }
            return (
              <AppRow
                key={key}
                row={shown.row}
                index={index}
                start={start}
                columns={columns}
                all={all}
                selected={selection.has(shown.row.key)}
                spot={index === at.row ? at.column : undefined}
                onSpot={setSpot}
              />
            );
          })}
        </div>
      </div>
      {peeked && looked?.kind === 'app' && lookedAt && lookedCell && (
        // It stays while one goes on: no key is lost.
        <Peek
          row={looked.row}
          environment={lookedAt}
          cell={lookedCell}
          place={peeked.place}
          onClose={closePeek}
          onArrow={(key) => {
            const step = steps[key];
            if (step) move(step, peek);
          }}
        />
      )}
    </div>
  );
}
