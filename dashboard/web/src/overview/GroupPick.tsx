import { Button, Menu } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { type Group, groupFrom } from './lines';

const names: Record<Group, string> = { namespace: 'namespace', repository: 'repository', part: 'part of' };
const choices: [Group | 'none', string, string][] = [
  ['none', 'No groups', 'all apps below each other'],
  ['namespace', 'Namespace', 'the unit of permission, often a team'],
  ['repository', 'Repository', 'that they are built from'],
  ['part', 'Part of', 'label app.kubernetes.io/part-of of the App'],
];

/** What the rows are grouped by. */
export function GroupPick({ group, onPick }: { group: Group | undefined; onPick: (group: Group | undefined) => void }) {
  return (
    <Menu position="bottom-end" withinPortal keepMounted={false}>
      <Menu.Target>
        <Button size="xs" variant="default" rightSection={<IconChevronDown size={14} />}>
          {group ? `Group by ${names[group]}` : 'Group'}
        </Button>
      </Menu.Target>
      <Menu.Dropdown aria-label="Group by">
        <Menu.RadioGroup value={group ?? 'none'} onChange={(value) => onPick(groupFrom(value))}>
          {choices.map(([each, name, what]) => (
            <Menu.RadioItem key={each} value={each} closeMenuOnClick>
              {name}
              <small className="matrix-choice">{what}</small>
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}
