import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { patch, post, sentence } from '~/api/http';
import { API_VERSION, pathOf, type Release } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { sumOf } from '~/domain/diff';
import { isBeforeGit } from '~/domain/words';
import { Guarded } from '~/parts/Guarded';
import { useKeys } from '~/parts/keys';

type Decision = 'Approve' | 'Reject' | 'Confirm' | 'Cancel';

const does: Record<Decision, (release: Release, comment: string) => Promise<unknown>> = {
  Approve: (release, comment) => judge(release, 'Approve', comment),
  Reject: (release, comment) => judge(release, 'Reject', comment),
  Confirm: ({ metadata }) => patch(pathOf('releases', metadata.namespace, metadata.name), { spec: { confirm: true } }),
  Cancel: ({ metadata }) => patch(pathOf('releases', metadata.namespace, metadata.name), { spec: { cancel: true } }),
};

const says: Record<Decision, string> = {
  Approve: 'An Approval of this very plan is created. If the plan changes meanwhile, it has to be approved again.',
  Reject: 'The release ends as Rejected. Whoever made it reads why.',
  Confirm: 'The release goes on, and removes what the deletion guard asks about.',
  Cancel: 'The release ends. Nothing of it is in git yet.',
};

function judge({ metadata, status }: Release, decision: 'Approve' | 'Reject', comment: string) {
  return post(pathOf('approvals', metadata.namespace), {
    apiVersion: API_VERSION,
    kind: 'Approval',
    metadata: { generateName: `${metadata.name}-`, namespace: metadata.namespace },
    spec: {
      release: metadata.name,
      digest: status?.plan?.digest,
      decision,
      ...(comment.trim() ? { comment: comment.trim() } : {}),
    },
  });
}

/** What can be decided of a release that is on its way: approve, reject, confirm, cancel. */
export function Decisions({ release }: { release: Release }) {
  const { metadata, spec, status } = release;
  const { namespace, name } = metadata;
  const [asked, ask] = useState<Decision>();
  const [comment, setComment] = useState('');
  const toApprove = useRight({ verb: 'create', resource: 'approvals', namespace });
  const toChange = useRight({ verb: 'patch', resource: 'releases', namespace, name });
  const blockers = (status?.blockedBy ?? []).map(({ kind }) => kind);
  const waits = (kind: string) => status?.phase === 'Waiting' && blockers.includes(kind);
  const needsApproval = waits('Approval') && status?.plan !== undefined;
  const cancellable = isBeforeGit(status?.phase) && !spec.cancel;

  const close = () => {
    ask(undefined);
    setComment('');
  };
  const decide = useMutation({
    mutationFn: (decision: Decision) => does[decision](release, comment),
    onSuccess: close,
    onError: (error) => {
      notifications.show({ color: 'red', title: 'Refused', message: sentence(error) });
    },
  });
  useKeys(needsApproval && toApprove.allowed ? [{ key: 'a', label: 'approve', run: () => ask('Approve') }] : []);

  const commented = asked === 'Approve' || asked === 'Reject';
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
      <Modal opened={asked !== undefined} onClose={close} title={asked && `${asked} ${name}`} centered>
        {asked && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              decide.mutate(asked);
            }}
          >
            <Stack gap="sm">
              <Text size="sm">
                {spec.app} → {spec.environment}, {status?.version}
                {status?.plan && `: ${sumOf(status.plan)}`}
              </Text>
              <Text size="sm" c="dimmed">
                {says[asked]}
              </Text>
              {commented && (
                <Textarea
                  label={asked === 'Reject' ? 'Why' : 'Comment'}
                  required={asked === 'Reject'}
                  maxLength={512}
                  autosize
                  data-autofocus
                  value={comment}
                  onChange={(event) => setComment(event.currentTarget.value)}
                />
              )}
              <Group justify="flex-end" gap="xs">
                <Button variant="default" size="sm" onClick={close}>
                  Back
                </Button>
                <Button
                  type="submit"
                  size="sm"
                  color={asked === 'Approve' ? undefined : 'red'}
                  loading={decide.isPending}
                  disabled={asked === 'Reject' && !comment.trim()}
                >
                  {asked === 'Cancel' ? 'Cancel the release' : asked}
                </Button>
              </Group>
            </Stack>
          </form>
        )}
      </Modal>
    </>
  );
}
