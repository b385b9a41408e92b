import { Code, Text } from '@mantine/core';
import type { Environment } from '~/api/kinds';
import { useNow } from '~/parts/Age';
import { CopyLine } from '~/parts/CopyLine';
import { Checks } from './Checks';
import { isLoopback } from './FluxStep';
import { connectCommand, type Followed } from './objects';
import { agentChecks, fluxCheck } from './progress';

/** What a person looks at where nothing is heard, likeliest first. */
const TROUBLES = [
  [
    'The name is not found, or nothing answers',
    'The address has to lead here from the pod: DNS, the network, and a proxy that lets WebSockets through.',
  ],
  [
    'The certificate is not trusted',
    'The address has to begin with https, and its authority has to be one that the agent trusts.',
  ],
  ['The token is refused', 'It has expired, or is of another cluster: the same command makes a new one.'],
  ['The version is refused', 'Agent and dashboard have to be of versions that know each other: set --agent-image.'],
] as const;

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
      {!done && (
        <details className="wizard-more" open={checks[1]?.word === 'Failed'}>
          <summary>It does not come</summary>
          <Text size="sm" mt="xs">
            Its own words are in its log:
          </Text>
          <CopyLine text={`kubectl --context CONTEXT -n gimlet-agent logs deployment/gimlet-agent-${name} --tail 20`} />
          <dl className="facts wizard-troubles">
            {TROUBLES.map(([what, then]) => [<dt key={`${what} name`}>{what}</dt>, <dd key={what}>{then}</dd>])}
          </dl>
          <Text size="sm" mt="sm">
            <Code>{`gimlet env check ${name} -n ${namespace} --cluster-context CONTEXT`}</Code> looks at every link, and
            says what to do about the first that is broken.
          </Text>
        </details>
      )}
    </>
  );
}
