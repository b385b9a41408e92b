import { Button, Group } from '@mantine/core';
import type { ReactNode } from 'react';
import './dialog.css';

interface Props {
  onClose: () => void;
  /** What the way out is called. */
  close?: string;
  /** What stands apart from the decision, such as the same for a terminal. */
  beside?: ReactNode;
  /** Whether it stays in view while the dialog scrolls. */
  sticks?: boolean;
  /** What can be decided; the last is what the dialog is for. */
  children: ReactNode;
}

/** The last line of a dialog: beside it the way out, then what can be decided. */
export function DialogFoot({ onClose, close = 'Back', beside, sticks, children }: Props) {
  return (
    <Group justify="space-between" gap="xs" className={sticks ? 'dialog-foot' : undefined}>
      <Group gap="xs">{beside}</Group>
      <Group gap="xs">
        <Button variant="default" size="sm" onClick={onClose}>
          {close}
        </Button>
        {children}
      </Group>
    </Group>
  );
}
