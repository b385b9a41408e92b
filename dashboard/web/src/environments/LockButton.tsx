import { Alert, Group, Select, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { patch } from '~/api/http';
import { type Environment, type Lock, pathOf } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { dayTime } from '~/domain/time';
import { Guarded } from '~/parts/Guarded';
import { useKeys } from '~/parts/keys';
import { ReasonModal } from '~/parts/ReasonModal';
import { tellRefusal } from '~/parts/refused';
import { WordMark } from '~/parts/WordMark';

const HOUR = 3_600_000;
const times: Record<string, number> = {
  '1 hour': HOUR,
  '4 hours': 4 * HOUR,
  '1 day': 24 * HOUR,
  '3 days': 72 * HOUR,
  '1 week': 168 * HOUR,
};
const FOREVER = 'somebody unlocks it';

const useLocking = (environment: Environment, done?: () => void) => {
  const { namespace, name } = environment.metadata;
  return useMutation({
    mutationFn: (lock: Lock | null) => patch<Environment>(pathOf('environments', namespace, name), { spec: { lock } }),
    onSuccess: done,
    onError: tellRefusal,
  });
};

const useLockRight = ({ metadata: { namespace, name } }: Environment) =>
  useRight({ verb: 'patch', resource: 'environments', namespace, name });

/** Says to everybody that the environment is locked, why, and until when. */
export function LockNotice({ environment }: { environment: Environment }) {
  const right = useLockRight(environment);
  const locking = useLocking(environment);
  const { lock } = environment.spec;
  if (!lock) return null;
  return (
    <Alert variant="light" color="violet" mb="sm" p="sm">
      <Group justify="space-between" gap="xs">
        <Text size="sm" className="wrap" flex="1 1 240px">
          <WordMark word="Waiting">Locked</WordMark> {lock.reason}
          {lock.until ? `, until ${dayTime(lock.until)}` : ', until somebody unlocks it'}. Releases wait meanwhile.
        </Text>
        <Guarded right={right} variant="default" loading={locking.isPending} onClick={() => locking.mutate(null)}>
          Unlock
        </Guarded>
      </Group>
    </Alert>
  );
}

/** Locks an environment: with a reason that people are shown, and an end. */
export function LockButton({ environment }: { environment: Environment }) {
  const right = useLockRight(environment);
  const [opened, { open, close }] = useDisclosure(false);
  const [time, setTime] = useState('1 day');
  const locking = useLocking(environment, close);
  const locked = environment.spec.lock !== undefined;
  useKeys(right.allowed && !locked ? [{ key: 'L', label: 'lock', run: open }] : []);
  const milliseconds = times[time];
  const lock = (reason: string) =>
    locking.mutate({
      reason,
      ...(milliseconds ? { until: new Date(Date.now() + milliseconds).toISOString().replace(/\.\d+Z$/, 'Z') } : {}),
    });
  return (
    <>
      <Guarded right={right} variant="default" onClick={open} unless={locked && 'It is locked already.'}>
        Lock…
      </Guarded>
      <ReasonModal
        opened={opened}
        title={`Lock ${environment.metadata.name}`}
        verb="Lock"
        asks={{ description: 'Everybody whose release waits reads it.', required: true, short: true }}
        pending={locking.isPending}
        onDecide={lock}
        onClose={close}
        more={
          <Select
            label="Until"
            data={[...Object.keys(times), FOREVER]}
            value={time}
            allowDeselect={false}
            onChange={(value) => setTime(value ?? FOREVER)}
          />
        }
      >
        <Text size="sm">Releases to it wait, whoever makes them, until the lock ends or somebody unlocks it.</Text>
      </ReasonModal>
    </>
  );
}
