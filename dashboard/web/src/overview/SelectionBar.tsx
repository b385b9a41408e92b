import { Button, Group, Menu, Text } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import type { Row } from '~/api/server';
import { clearSelection, useSelection } from '~/domain/selection';
import { togetherToText, whyNotTogether } from '~/domain/together';
import { useKeys } from '~/parts/keys';
import { type Column, stepsOf } from './matrix';

/** What is selected, and what can be done with it; nothing where nothing is. */
export function SelectionBar({
  rows,
  shown,
  columns,
}: {
  rows: readonly Row[];
  shown: number;
  columns: readonly Column[];
}) {
  const selection = useSelection();
  const navigate = useNavigate();
  const selected = rows.filter(({ key }) => selection.has(key));
  useKeys(selection.size > 0 ? [{ key: 'Escape', label: 'select none', run: clearSelection }] : []);
  const [first] = selected;
  if (!first) return null;
  const not = whyNotTogether(selected.map(({ key }) => key));
  const { namespace } = first;
  const apps = selected.map(({ app }) => app);
  const steps = not ? [] : stepsOf(columns, selected);
  return (
    <Group className="panel matrix-selection" gap="sm" role="group" aria-label="Selected apps">
      <Text size="sm" fw={600} role="status">
        {selected.length} selected{shown < selected.length && `, ${selected.length - shown} of them not shown`}
      </Text>
      {steps.length > 0 && (
        <Menu position="bottom-start" withinPortal keepMounted={false}>
          <Menu.Target>
            <Button size="compact-sm" rightSection={<IconChevronDown size={14} />}>
              Promote…
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {steps.map(({ from, to }) => (
              <Menu.Item
                key={from}
                onClick={() =>
                  void navigate({
                    to: '.',
                    search: (old) => ({ ...old, act: togetherToText({ namespace, apps, from, to }) }),
                  })
                }
              >
                {from} → {to}…
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {steps.length === 0 && (
        <Text size="sm" className="wrap">
          {not ?? 'There is no environment to promote them to.'}
        </Text>
      )}
      <Button size="compact-sm" variant="default" onClick={clearSelection}>
        Select none
      </Button>
    </Group>
  );
}
