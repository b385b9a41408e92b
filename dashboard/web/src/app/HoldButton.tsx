import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { patch, sentence } from '~/api/http';
import { type App, pathOf } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { holdPatch, kubectlHold } from '~/domain/hold';
import { CopyAs } from '~/parts/CopyAs';
import { Guarded } from '~/parts/Guarded';

/** Holds back what policies would release of an app, with a reason that people are shown. */
export function HoldButton({ app }: { app: App }) {
  const { namespace, name } = app.metadata;
  const right = useRight({ verb: 'patch', resource: 'apps', namespace, name });
  const [opened, { open, close }] = useDisclosure(false);
  const [written, write] = useState('');
  const reason = written.trim();
  const holding = useMutation({
    mutationFn: () => patch<App>(pathOf('apps', namespace, name), holdPatch(reason)),
    onSuccess: () => {
      write('');
      close();
    },
    onError: (error) => notifications.show({ color: 'red', title: 'Refused', message: sentence(error) }),
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
      <Modal opened={opened} onClose={close} title={`Hold ${app.spec.app} in ${app.spec.environment}`} centered>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (reason) holding.mutate();
          }}
        >
          <Stack gap="sm">
            <Text size="sm">
              What policies would release waits until somebody removes the hold. A person who gives a reason can release
              all the same.
            </Text>
            <TextInput
              label="Reason"
              description="Everybody whose release waits reads it."
              required
              maxLength={256}
              data-autofocus
              value={written}
              onChange={(event) => write(event.currentTarget.value)}
            />
            <Group justify="flex-end" gap="xs">
              {reason && <CopyAs object={holdPatch(reason)} kubectl={() => kubectlHold(app, holdPatch(reason))} />}
              <Button variant="default" size="sm" onClick={close}>
                Back
              </Button>
              <Button type="submit" size="sm" loading={holding.isPending} disabled={!reason}>
                Hold
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
