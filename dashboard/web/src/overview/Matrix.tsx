import { useMediaQuery } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, type KeyboardEvent, useRef, useState } from 'react';
import type { Row } from '~/api/server';
import { actToText } from '~/domain/act';
import { withPanel } from '~/domain/panel';
import { toggleStar, usePreferences } from '~/domain/preferences';
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
    if (!step || !inGrid || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(step);
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
        const to = row && environment && nextAfter(columns, row.namespace, environment);
        if (!row || !environment || !to || !cell) return;
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
    { key: '*', label: 'star', run: () => row && toggleStar(row.key) },
  ]);

  const style = { '--columns': columns.length, '--row': `${height}px` } as CSSProperties;
  return (
    <div className="panel matrix" data-dense={dense} style={style} ref={place} onKeyDown={press} role="presentation">
      <div
        role="grid"
        aria-label="Apps by environment"
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length + 1}
      >
        <div role="row" className="matrix-head" tabIndex={-1}>
          <span role="columnheader" tabIndex={-1}>
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
