import { Checkbox } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, type KeyboardEvent, useRef, useState } from 'react';
import type { Row } from '~/api/server';
import { actToText } from '~/domain/act';
import { withPanel } from '~/domain/panel';
import { toggleStar, usePreferences } from '~/domain/preferences';
import { selectAll, toggleSelected, useSelection } from '~/domain/selection';
import { togetherToText, whyNotTogether } from '~/domain/together';
import { useKeys } from '~/parts/keys';
import { AppRow } from './AppRow';
import { ColumnHead } from './ColumnHead';
import { type Column, nextAfter } from './matrix';

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

/** Apps by environments. Only the rows in sight are drawn; arrows move from cell to cell. */
export function Matrix({ rows, columns }: { rows: readonly Row[]; columns: readonly Column[] }) {
  const place = useRef<HTMLDivElement>(null);
  const [spot, setSpot] = useState<Spot>({ row: 0, column: 0 });
  const { dense } = usePreferences();
  const selection = useSelection();
  const narrow = useMediaQuery('(max-width: 700px)') ?? false;
  const navigate = useNavigate();
  const height = narrow ? 46 + columns.length * 40 : dense ? 34 : 54;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => place.current,
    estimateSize: () => height,
    overscan: 8,
    getItemKey: (index) => rows[index]?.key ?? index,
  });

  const at = { row: Math.min(spot.row, rows.length - 1), column: Math.min(spot.column, columns.length - 1) };
  const row = rows[at.row];
  const environment = columns[at.column]?.name;
  const cell = row && environment ? row.cells[environment] : undefined;

  const move = (step: Spot) => {
    const next = {
      row: Math.max(0, Math.min(rows.length - 1, at.row + step.row)),
      column: Math.max(0, Math.min(columns.length - 1, at.column + step.column)),
    };
    setSpot(next);
    virtual.scrollToIndex(next.row);
    requestAnimationFrame(() => {
      place.current?.querySelector<HTMLElement>(`[data-spot="${next.row}.${next.column}"]`)?.focus();
    });
  };
  const press = (event: KeyboardEvent) => {
    const step = steps[event.key];
    const inGrid = event.target instanceof HTMLElement && event.target.dataset.spot;
    if (!inGrid || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === ' ' && row) toggleSelected(row.key);
    else if (step) move(step);
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
          const to = nextAfter(columns, namespace, environment);
          // The bar says why not.
          if (!to || whyNotTogether(keys)) return;
          const apps = keys.map((key) => key.slice(namespace.length + 1));
          return act(togetherToText({ namespace, apps, from: environment, to }));
        }
        const to = row && nextAfter(columns, row.namespace, environment);
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
    { key: 'x', label: 'select', run: () => row && toggleSelected(row.key) },
    { key: '*', label: 'star', run: () => row && toggleStar(row.key) },
  ]);

  const keys = rows.map(({ key }) => key);
  const chosen = keys.filter((key) => selection.has(key)).length;
  const style = { '--columns': columns.length, '--row': `${height}px` } as CSSProperties;
  return (
    <div className="panel matrix" data-dense={dense} style={style} ref={place} onKeyDown={press} role="presentation">
      <div
        role="grid"
        aria-label="Apps by environment"
        aria-multiselectable="true"
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length + 1}
      >
        <div role="row" className="matrix-head" tabIndex={-1}>
          <span role="columnheader" tabIndex={-1}>
            <Checkbox
              size="xs"
              aria-label="Select all that are shown"
              checked={chosen === rows.length}
              indeterminate={chosen > 0 && chosen < rows.length}
              onChange={() => selectAll(keys, chosen < rows.length)}
            />
            App
          </span>
          {columns.map((column) => (
            <ColumnHead key={column.name} column={column} />
          ))}
        </div>
        <div className="matrix-rows" role="presentation" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, key, start }) => {
            const shown = rows[index];
            return (
              shown && (
                <AppRow
                  key={key}
                  row={shown}
                  index={index}
                  start={start}
                  columns={columns}
                  selected={selection.has(shown.key)}
                  spot={index === at.row ? at.column : undefined}
                  onSpot={setSpot}
                />
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}
