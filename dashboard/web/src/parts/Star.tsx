import { ActionIcon } from '@mantine/core';
import { IconStar, IconStarFilled } from '@tabler/icons-react';
import { toggleStar, usePreferences } from '~/domain/preferences';

/** The star of an app: those with one come first in the overview. */
export function Star({ id, app }: { id: string; app: string }) {
  const starred = usePreferences().stars.includes(id);
  const Icon = starred ? IconStarFilled : IconStar;
  return (
    <ActionIcon
      size="sm"
      variant="subtle"
      color={starred ? 'yellow' : 'gray'}
      aria-label={`${starred ? 'Unstar' : 'Star'} ${app}`}
      aria-pressed={starred}
      onClick={() => toggleStar(id)}
    >
      <Icon size={15} />
    </ActionIcon>
  );
}
