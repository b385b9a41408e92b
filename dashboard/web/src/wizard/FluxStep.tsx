import { Radio, Stack, Text, TextInput } from '@mantine/core';
import { condition, type Environment } from '~/api/kinds';
import { CopyLine } from '~/parts/CopyLine';
import { Checks } from './Checks';
import { isSsh, type Reads } from './draft';
import { connectCommand, type Followed } from './objects';
import { fluxCheck, gitCheck } from './progress';
import type { Wizard } from './useDraft';

const READS: Record<Reads, { label: string; text: string }> = {
  copy: { label: 'The credentials that the operator writes by', text: 'The quickest. They may write, too.' },
  token: { label: 'A token of its own', text: 'One that may only read; the command asks for it.' },
  key: {
    label: 'A key of its own',
    text: 'The command makes one that may only read, and adds it at the host with the token in GIMLET_GIT_TOKEN, or prints it.',
  },
};

interface Props {
  wizard: Wizard;
  environment: Environment;
  place: Followed;
}

/** Where Flux applies the environment, what was found of it there, and what has to be installed. */
export function FluxStep({ wizard: { draft, set }, environment, place }: Props) {
  const { elsewhere } = place;
  const byAgent = environment.spec.observedBy === 'Agent';
  const flux = fluxCheck(environment);
  const lacking = condition(environment.status?.conditions, 'FluxReady')?.reason === 'NoFlux';
  const found = environment.status?.agent?.fluxVersion;
  const there = flux.word === 'Healthy';
  return (
    <Stack gap="md">
      <Radio.Group
        label="Flux applies the environment to"
        value={elsewhere ? 'elsewhere' : 'here'}
        onChange={(value) => set({ elsewhere: value === 'elsewhere' ? 'true' : undefined })}
      >
        <Stack gap={6} mt={6}>
          <Radio
            value="here"
            size="sm"
            disabled={byAgent}
            label="Gimlet's own cluster"
            description={byAgent ? 'An agent speaks for this environment.' : 'The operator sees what runs there.'}
          />
          <Radio
            value="elsewhere"
            size="sm"
            label="Another cluster"
            description="An agent in it tells what runs there: the next step."
          />
        </Stack>
      </Radio.Group>
      <Checks
        label="Flux"
        checks={[gitCheck(environment), { ...flux, text: found ? `${flux.text} (Flux ${found})` : flux.text }]}
      />
      {!there && (
        <>
          {!found && (elsewhere || lacking) && (
            <section aria-label="Install Flux">
              <Text size="sm">
                {elsewhere
                  ? 'If Flux is not in that cluster yet, install it, with your kubeconfig:'
                  : 'Flux is not in this cluster. Install it, with your kubeconfig:'}
              </Text>
              <CopyLine text={`flux install${elsewhere ? ' --context CONTEXT' : ''}`} />
              <Text size="xs" c="dimmed" mt={4}>
                Or without its command line:
              </Text>
              <CopyLine
                text={`kubectl apply${elsewhere ? ' --context CONTEXT' : ''} -f https://github.com/fluxcd/flux2/releases/latest/download/install.yaml`}
              />
            </section>
          )}
          {place.secret && (
            <Radio.Group label="Flux reads the repository by" value={draft.reads} onChange={(reads) => set({ reads })}>
              <Stack gap={6} mt={6}>
                {(['copy', isSsh(place.url) ? 'key' : 'token'] as const).map((each) => (
                  <Radio key={each} value={each} size="sm" label={READS[each].label} description={READS[each].text} />
                ))}
              </Stack>
            </Radio.Group>
          )}
          {elsewhere ? (
            <TextInput
              label="Address of this dashboard, as that cluster reaches it"
              description={
                isLoopback(place.dashboard)
                  ? 'No other machine reaches this one: say the address that the agent can dial.'
                  : 'The agent dials it; nothing dials the agent.'
              }
              value={place.dashboard}
              onChange={(event) => set({ at: event.currentTarget.value.trim() })}
            />
          ) : (
            <section aria-label="Connect">
              <Text size="sm">
                Then run this, with your kubeconfig. It shows what it writes, and asks; this page sees it by itself:
              </Text>
              <CopyLine text={connectCommand(place)} />
            </section>
          )}
        </>
      )}
    </Stack>
  );
}

/** Tells whether only this machine reaches an address. */
export const isLoopback = (address: string) => /^https?:\/\/(localhost|127\.|\[::1\])/.test(address);
