import { Alert, Collapse, Group, Loader, Text, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconChevronRight, IconPlayerPause } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { sentence } from '~/api/http';
import type { EnvironmentCard } from '~/api/server';
import { sumOf } from '~/domain/diff';
import { WordIcon } from '~/parts/WordMark';
import { gatesOf } from './candidates';
import type { Planned } from './plans';

const Diff = lazy(() => import('~/parts/Diff').then((each) => ({ default: each.Diff })));

interface Props {
  /** What the plan is of: an environment, or an app where several go together. */
  name: string;
  plan: UseQueryResult<Planned> | undefined;
  card: EnvironmentCard | undefined;
  rollback: boolean;
  open: boolean;
}

/** What one release changes, as the operator has planned it. */
export function PlanOf({ name, plan, card, rollback, open }: Props) {
  const [shown, { toggle }] = useDisclosure(open);
  if (!plan) return null;
  if (plan.isPending) {
    return (
      <Group gap="xs" py={6} role="status">
        <Loader size={14} />
        <Text size="sm">
          <strong>{name}</strong>: the operator plans it…
        </Text>
      </Group>
    );
  }
  if (plan.error) {
    return (
      <Alert color="red" variant="light" p="xs" mb="xs" role="alert" title={`${name}: not possible`}>
        <Text size="sm" className="wrap">
          {sentence(plan.error)}
        </Text>
      </Alert>
    );
  }
  const status = plan.data?.release.status;
  const sum = status?.plan ? sumOf(status.plan) : 'no change';
  const gates = card ? gatesOf(card, rollback) : [];
  const difference = plan.data?.view?.difference;
  const Chevron = shown ? IconChevronDown : IconChevronRight;
  return (
    <div className="release-plan">
      <UnstyledButton onClick={toggle} aria-expanded={shown} className="release-plan-head">
        <Chevron size={15} />
        <strong>{name}</strong>
        <span>{sum}</span>
        {gates.length > 0 && (
          <Text span size="xs" c="dimmed">
            <IconPlayerPause size={12} /> will wait for {gates.join(', ')}
          </Text>
        )}
      </UnstyledButton>
      {status?.plan?.guard && (
        <Text size="sm" px="sm" pb="xs" className="wrap">
          <WordIcon word="Drifted" size={14} /> {status.plan.guard}
        </Text>
      )}
      <Collapse expanded={shown}>
        <div className="panel-body">
          {shown && difference ? (
            <Suspense>
              <Diff difference={difference} />
            </Suspense>
          ) : (
            <Text size="sm" c="dimmed">
              {status?.plan?.objects?.join(', ') || 'Git has exactly this already: no commit will be made.'}
            </Text>
          )}
        </div>
      </Collapse>
    </div>
  );
}
