import { Stack } from '@mantine/core';
import type { Environment } from '~/api/kinds';
import { kubectlApply, kubectlCreate } from '~/domain/releaseSpec';
import { type Faults, missingBefore } from './draft';
import { faultsOfApp, firstRelease, releaseCommand } from './firstApp';
import { connectCommand, connectedBy, createCommand, followed, identityOf, kubectlFor, writtenBy } from './objects';
import type { Wizard } from './useDraft';
import { Written } from './Written';

interface Props {
  wizard: Wizard;
  faults: Faults;
  environment: Environment | undefined;
  user: string | undefined;
}

/** What the step writes, where, and by whom. */
export function Writes({ wizard: { step, draft }, faults, environment, user }: Props) {
  const { name, namespace, first } = draft;
  if (step === 'app') {
    const whole = environment && !Object.values(faultsOfApp(first)).some(Boolean);
    return (
      <Written
        title="What the release writes"
        objects={whole ? [firstRelease(name, namespace, first, user)] : []}
        cli={releaseCommand(name, namespace, first)}
        kubectl={(yaml: string) => kubectlCreate(namespace, yaml)}
      >
        {whole
          ? 'One object in this cluster, as you. The operator renders it, and writes what Flux applies in one commit.'
          : 'As soon as the app has a name, an image, a port and a namespace, this shows the Release.'}
      </Written>
    );
  }
  if (environment && step !== 'name' && step !== 'repository' && step !== 'layout') {
    const place = followed(environment, draft, draft.dashboard || location.origin);
    const objects = connectedBy(place);
    const cli = connectCommand(place);
    return (
      <Stack gap="md">
        {step === 'agent' && place.elsewhere && (
          <Written title="In this cluster" objects={identityOf(name, namespace)} cli={cli} kubectl={kubectlApply}>
            Who the agent is, and spec.observedBy of the Environment: written by the command, as you.
          </Written>
        )}
        <Written
          title="In the cluster of Flux"
          objects={objects}
          cli={cli}
          kubectl={() => kubectlFor(objects, place.elsewhere ? 'CONTEXT' : '')}
        >
          {objects.length > 0
            ? 'Written by the command, with your kubeconfig. From then on Flux applies all else from the repository.'
            : 'gimlet env connect --dry-run=client shows them: this environment does not have the usual settings of Flux.'}
          {step === 'agent' && place.elsewhere && ' With the agent: its namespace, role, token and Deployment.'}
        </Written>
      </Stack>
    );
  }
  const objects = writtenBy(draft);
  return (
    <Written
      title={environment ? 'What creating it wrote' : 'What creating it writes'}
      objects={environment ? [] : objects}
      cli={missingBefore(faults, 'layout') ? undefined : createCommand(draft)}
      kubectl={() => kubectlFor(objects)}
    >
      {environment
        ? 'Namespace, Secret and Environment are there; the page of the environment shows it as YAML.'
        : objects.length === 0
          ? 'As soon as the environment has a name and a namespace, this shows the objects, in their order.'
          : 'In this cluster, as you, when you say Create in step 3, and not before. The operator then writes the files of Flux to the repository, in one commit.'}
    </Written>
  );
}
