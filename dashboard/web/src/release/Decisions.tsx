import { Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { patch, post } from '~/api/http';
import { API_VERSION, pathOf, type Release } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { sumOf } from '~/domain/diff';
import { isBeforeGit } from '~/domain/words';
import { Guarded } from '~/parts/Guarded';
import { useKeys } from '~/parts/keys';
import { ReasonModal } from '~/parts/ReasonModal';
import { tellRefusal } from '~/parts/refused';

type Decision = 'Approve' | 'Reject' | 'Confirm' | 'Cancel';

const does: Record<Decision, (release: Release, comment: string, digest: string | undefined) => Promise<unknown>> = {
  Approve: (...looked) => judge('Approve', ...looked),
  Reject: (...looked) => judge('Reject', ...looked),
  Confirm: ({ metadata }) => patch(pathOf('releases', metadata.namespace, metadata.name), { spec: { confirm: true } }),
  Cancel: ({ metadata }) => patch(pathOf('releases', metadata.namespace, metadata.name), { spec: { cancel: true } }),
};

const says: Record<Decision, string> = {
  Approve: 'An Approval of this very plan is created. If the plan changes meanwhile, it has to be approved again.',
  Reject: 'The release ends as Rejected. Whoever made it reads why.',
  Confirm: 'The release goes on, and removes what the deletion guard asks about.',
  Cancel: 'The release ends. Nothing of it is in git yet.',
};

/** Whether a word belongs to it: only a judgement has one. */
const asks: Record<Decision, { label: string; required?: boolean } | undefined> = {
  Approve: { label: 'Comment' },
  Reject: { label: 'Why', required: true },
  Confirm: undefined,
  Cancel: undefined,
};

/** Judges the plan that was looked at, not one that came while somebody read. */
function judge(decision: 'Approve' | 'Reject', { metadata }: Release, comment: string, digest: string | undefined) {
  return post(pathOf('approvals', metadata.namespace), {
    apiVersion: API_VERSION,
    kind: 'Approval',
    metadata: { generateName: `${metadata.name}-`, namespace: metadata.namespace },
    spec: {
      release: metadata.name,
      digest,
      decision,
      ...(comment ? { comment } : {}),
    },
  });
}

/** What can be decided of a release that is on its way: approve, reject, confirm, cancel. */
export function Decisions({ release }: { release: Release }) {
  const { metadata, spec, status } = release;
  const { namespace, name } = metadata;
  const [opened, { open, close }] = useDisclosure(false);
  const [asked, setAsked] = useState<Decision>('Approve');
  const [digest, setDigest] = useState<string | undefined>();
  const toApprove = useRight({ verb: 'create', resource: 'approvals', namespace });
  const toChange = useRight({ verb: 'patch', resource: 'releases', namespace, name });
  const blockers = (status?.blockedBy ?? []).map(({ kind }) => kind);
  const waits = (kind: string) => status?.phase === 'Waiting' && blockers.includes(kind);
  const needsApproval = waits('Approval') && status?.plan !== undefined;
  const cancellable = isBeforeGit(status?.phase) && !spec.cancel;

  const ask = (decision: Decision) => {
    setAsked(decision);
    setDigest(status?.plan?.digest);
    open();
  };
  const decide = useMutation({
    mutationFn: ({ asked, comment }: { asked: Decision; comment: string }) => does[asked](release, comment, digest),
    onSuccess: close,
    onError: tellRefusal,
  });
  useKeys(needsApproval && toApprove.allowed ? [{ key: 'a', label: 'approve', run: () => ask('Approve') }] : []);

  return (
    <>
      {needsApproval && (
        <>
          <Guarded right={toApprove} onClick={() => ask('Approve')}>
            Approve…
          </Guarded>
          <Guarded right={toApprove} variant="default" onClick={() => ask('Reject')}>
            Reject…
          </Guarded>
        </>
      )}
      {waits('Confirm') && !spec.confirm && (
        <Guarded right={toChange} color="red" onClick={() => ask('Confirm')}>
          Confirm removals…
        </Guarded>
      )}
      {cancellable && (
        <Guarded right={toChange} variant="default" onClick={() => ask('Cancel')}>
          Cancel…
        </Guarded>
      )}
      <ReasonModal
        opened={opened}
        title={`${asked} ${name}`}
        verb={asked === 'Cancel' ? 'Cancel the release' : asked}
        danger={asked !== 'Approve'}
        asks={asks[asked]}
        pending={decide.isPending}
        onDecide={(comment) => decide.mutate({ asked, comment })}
        onClose={close}
      >
        <Text size="sm">
          {spec.app} → {spec.environment}, {status?.version}
          {status?.plan && `: ${sumOf(status.plan)}`}
        </Text>
        <Text size="sm" c="dimmed">
          {says[asked]}
        </Text>
      </ReasonModal>
    </>
  );
}
