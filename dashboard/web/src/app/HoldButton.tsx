import { Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { patch } from '~/api/http';
import { type App, pathOf } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { holdPatch, kubectlHold } from '~/domain/hold';
import { CopyAs } from '~/parts/CopyAs';
import { Guarded } from '~/parts/Guarded';
import { ReasonModal } from '~/parts/ReasonModal';
import { tellRefusal } from '~/parts/refused';

/** Holds back what policies would release of an app, with a reason that people are shown. */
export function HoldButton({ app }: { app: App }) {
  const { namespace, name } = app.metadata;
  const right = useRight({ verb: 'patch', resource: 'apps', namespace, name });
  const [opened, { open, close }] = useDisclosure(false);
  const holding = useMutation({
    mutationFn: (reason: string) => patch<App>(pathOf('apps', namespace, name), holdPatch(reason)),
    onSuccess: close,
    onError: tellRefusal,
  });
  return (
    <>
      <Guarded
        right={right}
        variant="default"
        onClick={open}
        unless={app.spec.hold !== undefined && 'It is on hold already.'}
      >
        Hold…
      </Guarded>
      <ReasonModal
        opened={opened}
        title={`Hold ${app.spec.app} in ${app.spec.environment}`}
        verb="Hold"
        asks={{ description: 'Everybody whose release waits reads it.', required: true, short: true }}
        pending={holding.isPending}
        onDecide={(reason) => holding.mutate(reason)}
        onClose={close}
        beside={(reason) => <CopyAs object={holdPatch(reason)} kubectl={() => kubectlHold(app, holdPatch(reason))} />}
      >
        <Text size="sm">
          What policies would release waits until somebody removes the hold. A person who gives a reason can release all
          the same.
        </Text>
      </ReasonModal>
    </>
  );
}
