import { ActionIcon, Checkbox, Menu } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { memo } from 'react';
import { toRelease, useRight } from '~/api/rights';
import type { Row } from '~/api/server';
import { type Act, actToText } from '~/domain/act';
import { toggleSelected } from '~/domain/selection';
import { Star } from '~/parts/Star';
import { MatrixCell } from './MatrixCell';
import { type Column, cardIn, isShut, nextAfter } from './matrix';

interface Props {
  row: Row;
  index: number;
  start: number;
  columns: readonly Column[];
  /** All columns, those that are hidden among them. */
  all: readonly Column[];
  selected: boolean;
  /** Column of the cell that the keys act on, where it is in this row. */
  spot: number | undefined;
  onSpot: (spot: { row: number; column: number }) => void;
}

/** An app in all environments. Drawn again only when its own row changes. */
export const AppRow = memo(function AppRow({ row, index, start, columns, all, selected, spot, onSpot }: Props) {
  const { namespace, app, key } = row;
  return (
    <div
      role="row"
      tabIndex={-1}
      aria-rowindex={index + 2}
      aria-selected={selected}
      className="matrix-row"
      style={{ transform: `translateY(${start}px)` }}
    >
      <span role="rowheader" tabIndex={-1} className="matrix-app">
        <Checkbox
          size="xs"
          tabIndex={-1}
          aria-label={`Select ${app}`}
          checked={selected}
          onChange={() => toggleSelected(key)}
        />
        <Star id={key} app={app} />
        <span className="matrix-name" title={key}>
          <strong>{app}</strong>
          <small>{namespace}</small>
        </span>
        <RowMenu row={row} all={all} />
      </span>
      {columns.map((each, column) => {
        const { name } = each;
        const cell = row.cells[name];
        const shut = isShut(each);
        // Before its first release is in git, an app has no page.
        const first = cell?.release === undefined ? cell?.pending : undefined;
        return (
          <span
            key={name}
            role="gridcell"
            tabIndex={-1}
            className="matrix-cell"
            data-here={spot === column || undefined}
            data-away={cardIn(each, namespace)?.away ? true : undefined}
            data-shut={shut || undefined}
          >
            {cell ? (
              <Link
                {...(first
                  ? { to: '/releases/$namespace/$name', params: { namespace, name: first } }
                  : { to: '/apps/$namespace/$app/$environment', params: { namespace, app, environment: name } })}
                search={({ ns }) => ({ ns })}
                data-spot={`${index}.${column}`}
                tabIndex={spot === column ? 0 : -1}
                onFocus={() => onSpot({ row: index, column })}
                className="matrix-link"
              >
                <MatrixCell cell={cell} environment={name} />
              </Link>
            ) : (
              <span
                data-spot={`${index}.${column}`}
                tabIndex={spot === column ? 0 : -1}
                onFocus={() => onSpot({ row: index, column })}
                className="matrix-link matrix-none"
              >
                <span className="matrix-env">{name}</span>{' '}
                {shut ? <span className="matrix-shut-text">may not be read</span> : '– not deployed'}
              </span>
            )}
          </span>
        );
      })}
    </div>
  );
});

function RowMenu(props: Pick<Props, 'row' | 'all'>) {
  return (
    <Menu position="bottom-start" width={300} withinPortal keepMounted={false}>
      <Menu.Target>
        <ActionIcon size="sm" variant="subtle" color="gray" aria-label={`Actions for ${props.row.app}`}>
          <IconDots size={15} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <RowActions {...props} />
      </Menu.Dropdown>
    </Menu>
  );
}

/** What can be done with an app; where the right is missing it stands there all the same, with the reason. */
function RowActions({ row: { namespace, app, cells }, all }: Pick<Props, 'row' | 'all'>) {
  const navigate = useNavigate();
  const right = useRight(toRelease(namespace));
  const there = all.map(({ name }) => name).filter((name) => cells[name]);
  const item = (label: string, act: Act) => (
    <Menu.Item
      key={label}
      disabled={!right.allowed}
      onClick={() => void navigate({ to: '.', search: (old) => ({ ...old, act: actToText(act) }) })}
    >
      {label}
    </Menu.Item>
  );
  return (
    <>
      {!right.allowed && <Menu.Label className="wrap">{right.text}</Menu.Label>}
      {item('Release…', { kind: 'release', namespace, app, environments: [] })}
      {there.map((from) => {
        const to = nextAfter(all, namespace, from);
        return to && item(`Promote ${from} → ${to}…`, { kind: 'promote', namespace, app, from, environments: [to] });
      })}
      <Menu.Divider />
      {there.map((environment) =>
        item(`Roll back in ${environment}…`, { kind: 'rollback', namespace, app, environment }),
      )}
    </>
  );
}
