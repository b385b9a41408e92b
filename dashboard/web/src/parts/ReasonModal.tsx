import { Button, Modal, Stack } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { DialogFoot } from './DialogFoot';
import { ReasonField } from './ReasonField';

interface Props extends AskProps {
  /** It is shown all the time, so that the focus goes back to where it was when it closes. */
  opened: boolean;
  title: string;
}

interface AskProps {
  /** What the button says. */
  verb: string;
  danger?: boolean;
  /** How the reason is asked for; nothing where none belongs to it. */
  asks?: { label?: string; description?: string; required?: boolean; short?: boolean };
  pending: boolean;
  onDecide: (reason: string) => void;
  onClose: () => void;
  /** What stands beside the decision, once the reason is written. */
  beside?: (reason: string) => ReactNode;
  /** What else is asked below the reason. */
  more?: ReactNode;
  /** What will happen. */
  children: ReactNode;
}

/** Asks once more before something is done, and for the reason where one belongs to it. */
export function ReasonModal({ opened, title, ...asked }: Props) {
  return (
    <Modal opened={opened} onClose={asked.onClose} title={title} centered>
      <Asked {...asked} />
    </Modal>
  );
}

/** What is written goes with the dialog. */
function Asked({ verb, danger, asks, pending, onDecide, onClose, beside, more, children }: AskProps) {
  const [written, write] = useState('');
  const reason = written.trim();
  const missing = Boolean(asks?.required && !reason);
  const decide = () => {
    if (!missing && !pending) onDecide(reason);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        decide();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
        // On a button the key does what that says, such as going back; elsewhere a browser may send the form as well.
        if (event.target instanceof Element && event.target.closest('button, a')) return;
        event.preventDefault();
        decide();
      }}
    >
      <Stack gap="sm">
        {children}
        {asks && <ReasonField {...asks} value={written} onChange={write} first />}
        {more}
        <DialogFoot onClose={onClose} beside={!missing && beside?.(reason)}>
          <Button type="submit" size="sm" color={danger ? 'red' : undefined} loading={pending} disabled={missing}>
            {verb}
          </Button>
        </DialogFoot>
      </Stack>
    </form>
  );
}
