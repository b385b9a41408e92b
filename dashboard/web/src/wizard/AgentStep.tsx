import { Text } from '@mantine/core';
import type { Environment } from '~/api/kinds';
import { useNow } from '~/parts/Age';
import { CopyLine } from '~/parts/CopyLine';
import { AgentTroubles } from './AgentTroubles';
import { Checks } from './Checks';
import { isLoopback } from './FluxStep';
import { connectCommand, type Followed } from './objects';
import { agentChecks, fluxCheck } from './progress';

/** Puts the agent into the other cluster by one command, and waits for it. */
export function AgentStep({ environment, place }: { environment: Environment; place: Followed }) {
  const now = useNow();
  const { name, namespace } = environment.metadata;
  if (!place.elsewhere)
    return (
      <>
        <Text size="sm">
          No agent is needed: Flux applies the environment to Gimlet&apos;s own cluster, where the operator sees what
          runs.
        </Text>
        <Checks label="Chain" checks={[fluxCheck(environment)]} />
      </>
    );
  const checks = agentChecks(environment, now);
  const done = checks.every(({ word }) => word === 'Healthy');
  return (
    <>
      <Text size="sm">
        {done
          ? 'The agent is there. The same command exchanges its token before it ends:'
          : 'Run this, with your kubeconfig and CONTEXT as the other cluster is called in it. It shows what it writes, and asks; it can be run again:'}
      </Text>
      <CopyLine text={connectCommand(place)} />
      {isLoopback(place.dashboard) && (
        <Text size="xs" mt={4}>
          The address in it is one of this machine only: step 4 asks for the one that the other cluster reaches.
        </Text>
      )}
      <Checks label="Chain" checks={checks} />
      {!done && <AgentTroubles name={name} namespace={namespace} open={checks[1]?.word === 'Failed'} />}
    </>
  );
}
