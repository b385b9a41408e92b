import { Alert, Button, Group, Text, UnstyledButton } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Environment } from '~/api/kinds';
import { useEnvironmentScope } from '~/live/scopes';
import { useFeedStatus, useValue } from '~/live/useFeed';
import { useKeys } from '~/parts/keys';
import { WordIcon } from '~/parts/WordMark';
import { CreateBar } from './CreateBar';
import { type Faults, faultsOf, isWhole, missingBefore, STEPS, type Step } from './draft';
import { LayoutStep } from './LayoutStep';
import { createCommand, writtenBy } from './objects';
import { PlaceStep } from './PlaceStep';
import { RepositoryStep } from './RepositoryStep';
import { NO_SECRETS, type Secrets } from './secrets';
import { useDraft, type Wizard } from './useDraft';
import { Written } from './Written';
import './wizard.css';

const NAMES: Record<Step, string> = { name: 'Name', repository: 'Repository', layout: 'Layout' };

/** An environment from nothing, in steps: each shows what it writes, and nothing is written before the button says so. */
export function WizardPage() {
  const wizard = useDraft();
  const [secrets, setSecrets] = useState<Secrets>(NO_SECRETS);
  const faults = faultsOf(wizard.draft);
  const give = (change: Partial<Secrets>) => setSecrets((old) => ({ ...old, ...change }));
  const all = { wizard, faults, secrets, give };
  // Whoever types a name is not followed letter by letter.
  if (wizard.step === 'name' || !isWhole(faults, 'name')) return <Steps {...all} environment={undefined} />;
  return <Followed {...all} />;
}

interface Props {
  wizard: Wizard;
  faults: Faults;
  secrets: Secrets;
  give: (change: Partial<Secrets>) => void;
}

function Followed(props: Props) {
  const { name, namespace } = props.wizard.draft;
  const feed = useEnvironmentScope(namespace, name);
  useFeedStatus(feed);
  return <Steps {...props} environment={useValue<Environment>(feed, `environment:${namespace}/${name}`)} />;
}

function Steps({ wizard, faults, secrets, give, environment }: Props & { environment: Environment | undefined }) {
  const { step, draft, go } = wizard;
  const { name, namespace } = draft;
  const navigate = useNavigate();
  const at = STEPS.indexOf(step);
  const missing = missingBefore(faults, step);
  const [before, after] = [STEPS[at - 1], STEPS[at + 1]];
  const whole = isWhole(faults, step);
  useKeys([
    ...(before ? [{ key: '[', label: 'step before', run: () => go(before) }] : []),
    ...(after && whole ? [{ key: ']', label: 'next step', run: () => go(after) }] : []),
  ]);
  const done = () => {
    give(NO_SECRETS);
    void navigate({ to: '/environments/$namespace/$name', params: { namespace, name }, search: ({ ns }) => ({ ns }) });
  };
  return (
    <>
      <div className="page-head">
        <h1>New environment</h1>
      </div>
      <nav aria-label="Steps">
        <ol className="wizard-steps">
          {STEPS.map((each, index) => (
            <li key={each}>
              <UnstyledButton aria-current={each === step ? 'step' : undefined} onClick={() => go(each)}>
                <span className="wizard-mark">
                  {isWhole(faults, each) && index < at ? <WordIcon word="Healthy" size={16} quiet /> : index + 1}
                </span>
                {NAMES[each]}
              </UnstyledButton>
            </li>
          ))}
        </ol>
      </nav>
      {environment && (
        <Alert variant="light" color="indigo" mb="md" p="sm">
          <Text size="sm">
            There is an Environment {name} in {namespace}.{' '}
            <Link to="/environments/$namespace/$name" params={{ namespace, name }} search={({ ns }) => ({ ns })}>
              Open it
            </Link>
            , or choose another name.
          </Text>
        </Alert>
      )}
      <div className="columns wizard">
        <section className="panel" aria-label={`Step ${at + 1}`}>
          <form
            className="panel-body"
            onSubmit={(event) => {
              event.preventDefault();
              if (after && whole) go(after);
            }}
          >
            {missing && (
              <Alert variant="light" color="yellow" mb="md" p="sm">
                <Group gap="xs">
                  <Text size="sm">First comes the step {NAMES[missing]}.</Text>
                  <Button size="compact-sm" variant="default" onClick={() => go(missing)}>
                    Go there
                  </Button>
                </Group>
              </Alert>
            )}
            {step === 'name' && <PlaceStep wizard={wizard} faults={faults} />}
            {step === 'repository' && <RepositoryStep wizard={wizard} faults={faults} secrets={secrets} give={give} />}
            {step === 'layout' && <LayoutStep wizard={wizard} faults={faults} />}
            {step === 'layout' ? (
              <CreateBar wizard={wizard} faults={faults} secrets={secrets} done={done} />
            ) : (
              <Group gap="xs" mt="lg">
                {before && (
                  <Button size="sm" variant="default" onClick={() => go(before)}>
                    Back
                  </Button>
                )}
                <Button size="sm" type="submit" disabled={!whole}>
                  Next
                </Button>
              </Group>
            )}
          </form>
        </section>
        <Written
          title="What creating it writes"
          objects={writtenBy(draft)}
          cli={missingBefore(faults, 'layout') ? undefined : createCommand(draft)}
        >
          {writtenBy(draft).length === 0
            ? 'As soon as the environment has a name and a namespace, this shows the objects, in their order.'
            : 'In this cluster, as you, when you say Create in step 3, and not before. The operator then writes the files of Flux to the repository, in one commit.'}
        </Written>
      </div>
    </>
  );
}
