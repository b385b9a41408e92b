import { Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { patch } from '~/api/http';
import { pathOf, type ReleaseSet } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { asksToConfirm, canCancel, type SetLine } from '~/domain/releaseSet';
import { Guarded } from '~/parts/Guarded';
import { ReasonModal } from '~/parts/ReasonModal';
import { tellRefusal } from '~/parts/refused';

type Decision = 'cancel' | 'confirm';

const verbs: Record<Decision, string> = { cancel: 'Cancel the set', confirm: 'Confirm' };
const says: Record<Decision, string> = {
  cancel: 'All of its releases end. Nothing of them is in git yet.',
  confirm: 'Its releases go on, and remove what the deletion guard asks about, in each of the apps.',
};

/** What can be decided of all releases of a set at once. What one of them waits for is decided on its own page. */
export function SetDecisions({ set, lines }: { set: ReleaseSet; lines: readonly SetLine[] }) {
  const { namespace, name } = set.metadata;
  const right = useRight({ verb: 'patch', resource: 'releasesets', namespace, name });
  const [opened, { open, close }] = useDisclosure(false);
  const [asked, setAsked] = useState<Decision>('cancel');
  const ask = (decision: Decision) => {
    setAsked(decision);
    open();
  };
  const decide = useMutation({
    mutationFn: (decision: Decision) => patch(pathOf('releasesets', namespace, name), { spec: { [decision]: true } }),
    onSuccess: close,
    onError: tellRefusal,
  });
  return (
    <>
      {asksToConfirm(set, lines) && (
        <Guarded right={right} color="red" onClick={() => ask('confirm')}>
          Confirm removals…
        </Guarded>
      )}
      {canCancel(set) && (
        <Guarded right={right} variant="default" onClick={() => ask('cancel')}>
          Cancel…
        </Guarded>
      )}
      <ReasonModal
        opened={opened}
        title={`${verbs[asked]} ${name}`}
        verb={verbs[asked]}
        danger
        pending={decide.isPending}
        onDecide={() => decide.mutate(asked)}
        onClose={close}
      >
        <Text size="sm">{lines.map(({ app }) => app).join(', ')}</Text>
        <Text size="sm" c="dimmed">
          {says[asked]}
        </Text>
      </ReasonModal>
    </>
  );
}
