import { Code, Text } from '@mantine/core';
import { CopyLine } from '~/parts/CopyLine';
import './wizard.css';

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

/** What to look at where an agent does not come; it is open where one was there before. */
export function AgentTroubles({ name, namespace, open }: { name: string; namespace: string; open: boolean }) {
  return (
    <details className="wizard-more" open={open}>
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
  );
}
