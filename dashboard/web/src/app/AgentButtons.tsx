import { Button, Code, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { type FluxItem, type ObjectName, reconcile, restart, resume, type Workload } from '~/api/agents';
import type { Right } from '~/api/server';
import { CopyLine } from '~/parts/CopyLine';
import { DialogFoot } from '~/parts/DialogFoot';
import { Guarded } from '~/parts/Guarded';
import { useKeys } from '~/parts/keys';
import { Failure } from '~/parts/states';

/** The environment whose agent is asked. */
export interface Place {
  namespace: string;
  environment: string;
}

const RESTARTED = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** Has the pods of a workload started again, after a question: it is nothing that git knows of. */
export function RestartButton({
  place: { namespace, environment },
  workload: { kind, name },
  inNamespace,
  right,
}: {
  place: Place;
  workload: Workload;
  inNamespace: string;
  right: Right;
}) {
  const [open, { open: show, close }] = useDisclosure(false);
  const object: ObjectName = { apiVersion: 'apps/v1', kind, namespace: inNamespace, name };
  const act = useMutation({
    mutationFn: () => restart(namespace, environment, object),
    onSuccess: ({ message }) => {
      close();
      notifications.show({ message });
    },
  });
  if (!RESTARTED.includes(kind)) return null;
  const ask = () => {
    act.reset();
    show();
  };
  return (
    <>
      <Guarded right={right} size="compact-xs" variant="default" onClick={ask} aria-label={`Restart ${kind} ${name}…`}>
        Restart…
      </Guarded>
      <Modal opened={open} onClose={close} title={`Restart ${kind} ${name}`} centered>
        <Stack gap="sm">
          <Text size="sm">
            Its pods are replaced one after the other, as its strategy says. Nothing changes in git; the agent does it
            in the cluster of {environment} as you, and the audit log there names you.
          </Text>
          <Code block>{`kubectl rollout restart ${kind.toLowerCase()}/${name} -n ${inNamespace}`}</Code>
          {act.error && <Failure error={act.error} />}
          <DialogFoot onClose={close} close="Keep it">
            <Button size="sm" onClick={() => act.mutate()} loading={act.isPending} data-autofocus>
              Restart
            </Button>
          </DialogFoot>
        </Stack>
      </Modal>
    </>
  );
}

const FLUX: Record<string, string> = {
  Kustomization: 'kustomize.toolkit.fluxcd.io/v1',
  HelmRelease: 'helm.toolkit.fluxcd.io/v2',
  GitRepository: 'source.toolkit.fluxcd.io/v1',
  OCIRepository: 'source.toolkit.fluxcd.io/v1',
};

const COMMAND: Record<string, string> = {
  Kustomization: 'kustomization',
  HelmRelease: 'helmrelease',
  GitRepository: 'source git',
  OCIRepository: 'source oci',
};

/** Has Flux go on with what somebody suspended, after a question: what it catches up with may be a lot. */
export function ResumeButton({
  place: { namespace, environment },
  item: { kind, namespace: inNamespace, name },
  right,
}: {
  place: Place;
  item: FluxItem;
  right: Right;
}) {
  const [open, { open: show, close }] = useDisclosure(false);
  const apiVersion = FLUX[kind];
  const act = useMutation({
    mutationFn: (apiVersion: string) =>
      resume(namespace, environment, { apiVersion, kind, namespace: inNamespace, name }),
    onSuccess: ({ message }) => {
      close();
      notifications.show({ message });
    },
  });
  if (!apiVersion) return null;
  const ask = () => {
    act.reset();
    show();
  };
  return (
    <>
      <Guarded right={right} size="compact-xs" variant="default" onClick={ask} aria-label={`Resume ${kind} ${name}…`}>
        Resume…
      </Guarded>
      <Modal opened={open} onClose={close} title={`Resume ${kind} ${name}`} centered>
        <Stack gap="sm">
          <Text size="sm">
            Flux catches up with git: it applies what was released meanwhile, and takes back what was changed by hand.
            Where git itself says that it is suspended, it will be again. The agent does it in the cluster of{' '}
            {environment} as you, who need <Code>patch</Code> on it there.
          </Text>
          <CopyLine text={`flux resume ${COMMAND[kind]} ${name} -n ${inNamespace}`} />
          {act.error && <Failure error={act.error} />}
          <DialogFoot onClose={close} close="Leave it">
            <Button size="sm" onClick={() => act.mutate(apiVersion)} loading={act.isPending} data-autofocus>
              Resume
            </Button>
          </DialogFoot>
        </Stack>
      </Modal>
    </>
  );
}

/** Has Flux look at its objects now, instead of at its next interval. */
export function ReconcileButton({
  place: { namespace, environment },
  items,
  right,
}: {
  place: Place;
  items: readonly FluxItem[];
  right: Right;
}) {
  const act = useMutation({
    mutationFn: async () => {
      const said: string[] = [];
      for (const { kind, namespace: inNamespace, name } of items) {
        const apiVersion = FLUX[kind];
        if (!apiVersion) continue;
        said.push(
          (await reconcile(namespace, environment, { apiVersion, kind, namespace: inNamespace, name })).message,
        );
      }
      return said;
    },
    onSuccess: (said) => notifications.show({ message: said.join(', ') }),
    onError: (error) => notifications.show({ color: 'red', title: 'Flux was not asked', message: error.message }),
  });
  const suspended =
    items.length === 0
      ? 'Nothing of Flux is known here yet.'
      : items.every((item) => item.suspended) && 'Flux is suspended here: resume it first.';
  const run = () => act.mutate();
  useKeys([{ key: 'f', label: 'reconcile', run: () => right.allowed && !suspended && !act.isPending && run() }]);
  return (
    <Guarded right={right} unless={suspended} size="compact-xs" variant="default" onClick={run} loading={act.isPending}>
      Reconcile
    </Guarded>
  );
}
