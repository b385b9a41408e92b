import { Button, Modal, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { DialogFoot } from './DialogFoot';
import { Failure } from './states';

interface Props {
  name: string;
  /** What is done, as its button says it. */
  verb: 'Delete' | 'Uninstall';
  act: () => Promise<unknown>;
  onDone: () => void;
  onClose: () => void;
  children?: ReactNode;
}

/** Asks before something ends: its name has to be typed. */
export function TypedDelete({ name, verb, act, onDone, onClose, children }: Props) {
  const [typed, type] = useState('');
  const acting = useMutation({ mutationFn: act, onSuccess: onDone });
  return (
    <Modal opened onClose={onClose} title={`${verb} ${name}`} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === name) acting.mutate();
        }}
      >
        <Stack gap="sm">
          {children}
          <TextInput
            label={`Type ${name} to ${verb.toLowerCase()} it`}
            value={typed}
            data-autofocus
            autoComplete="off"
            onChange={(event) => type(event.currentTarget.value)}
          />
          {acting.error && <Failure error={acting.error} />}
          <DialogFoot onClose={onClose} close="Keep it">
            <Button type="submit" size="sm" color="red" loading={acting.isPending} disabled={typed !== name}>
              {verb}
            </Button>
          </DialogFoot>
        </Stack>
      </form>
    </Modal>
  );
}
