import { ActionIcon, Button, Checkbox, Group, Popover } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconChevronDown } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { moved } from './columns';
import { namesToText, toggled } from './lines';
import type { Column } from './matrix';

interface Props {
  /** All columns as they are when nothing is chosen. */
  usual: readonly Column[];
  /** The same in the chosen order. */
  columns: readonly Column[];
  hidden: readonly string[];
  /** Changes the parameters of the address. */
  onChange: (change: { cols?: string | undefined; hide?: string | undefined }) => void;
}

/** Which environments have a column, and in which order. */
export function ColumnPick({ usual, columns, hidden, onChange }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const left = columns.filter(({ name }) => !hidden.includes(name));
  const keep = useRef('');
  useEffect(() => {
    // What is moved in the page loses the focus: whoever moves a column by keys goes on from there.
    if (!keep.current || columns.length === 0) return;
    list.current?.querySelector<HTMLElement>(`[aria-label="${CSS.escape(keep.current)}"]`)?.focus();
    keep.current = '';
  }, [columns]);
  const move = (name: string, by: 1 | -1, label: string) => {
    keep.current = label;
    onChange({ cols: namesToText(moved(columns, usual, name, by)) });
  };
  return (
    <Popover position="bottom-end" withinPortal trapFocus returnFocus keepMounted={false} width={300}>
      <Popover.Target>
        <Button size="xs" variant="default" rightSection={<IconChevronDown size={14} />}>
          Columns{left.length < columns.length && left.length > 0 ? ` ${left.length} of ${columns.length}` : ''}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Columns" className="column-pick">
        <ul ref={list}>
          {columns.map(({ name }, index) => (
            <li key={name}>
              <Checkbox
                size="xs"
                label={name}
                checked={left.length === 0 || !hidden.includes(name)}
                disabled={left.length === 1 && left[0]?.name === name}
                onChange={() =>
                  onChange({ hide: namesToText(left.length === 0 ? [name] : toggled([...hidden], name)) })
                }
              />
              <Move
                label={`Move ${name} to the left`}
                end={index === 0}
                icon={IconArrowUp}
                onMove={(label) => move(name, -1, label)}
              />
              <Move
                label={`Move ${name} to the right`}
                end={index === columns.length - 1}
                icon={IconArrowDown}
                onMove={(label) => move(name, 1, label)}
              />
            </li>
          ))}
        </ul>
        <Group justify="flex-end" mt="xs">
          <Button size="compact-xs" variant="default" onClick={() => onChange({ cols: undefined, hide: undefined })}>
            As usual
          </Button>
        </Group>
      </Popover.Dropdown>
    </Popover>
  );
}

interface MoveProps {
  label: string;
  /** It is at that end already. The button stays, so that the focus does. */
  end: boolean;
  icon: typeof IconArrowUp;
  onMove: (label: string) => void;
}

function Move({ label, end, icon: Icon, onMove }: MoveProps) {
  return (
    <ActionIcon
      size="sm"
      variant="subtle"
      color="gray"
      aria-label={label}
      aria-disabled={end || undefined}
      data-disabled={end || undefined}
      onClick={() => !end && onMove(label)}
    >
      <Icon size={14} />
    </ActionIcon>
  );
}
