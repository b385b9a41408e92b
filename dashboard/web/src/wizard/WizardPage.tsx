import { Alert, Button, Group, Text, UnstyledButton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { App, Environment } from '~/api/kinds';
import { useMe } from '~/api/rights';
import { useEnvironmentScope } from '~/live/scopes';
import { useFeedStatus, useValue, useValues } from '~/live/useFeed';
import { useNow } from '~/parts/Age';
import { useKeys } from '~/parts/keys';
import { Empty, Failure } from '~/parts/states';
import { WordIcon } from '~/parts/WordMark';
import { AgentStep } from './AgentStep';
import { AppStep } from './AppStep';
import { CreateBar } from './CreateBar';
import { type Faults, faultsOf, isWhole, missingBefore, STEPS, type Step } from './draft';
import { FluxStep } from './FluxStep';
import { LayoutStep } from './LayoutStep';
import { followed } from './objects';
import { PlaceStep } from './PlaceStep';
import { wordOfStep } from './progress';
import { RepositoryStep } from './RepositoryStep';
import { NO_SECRETS, type Secrets } from './secrets';
import { ThereStep } from './ThereStep';
import { useDraft, type Wizard } from './useDraft';
import { Writes } from './Writes';
import './wizard.css';

const NAMES: Record<Step, string> = {
  name: 'Name',
  repository: 'Repository',
  layout: 'Layout',
  flux: 'Flux',
  agent: 'Agent',
  app: 'First app',
};

interface Props {
  wizard: Wizard;
  secrets: Secrets;
  give: (change: Partial<Secrets>) => void;
}

/** An environment from nothing, in steps: each shows what it writes, and nothing is written before the button says so. */
export function WizardPage() {
  const wizard = useDraft();
  const [secrets, setSecrets] = useState<Secrets>(NO_SECRETS);
  const give = (change: Partial<Secrets>) => setSecrets((old) => ({ ...old, ...change }));
  const all = { wizard, secrets, give };
  // Whoever types a name is not followed letter by letter.
  if (wizard.step === 'name' || !isWhole(faultsOf(wizard.draft), 'name'))
    return <Steps {...all} environment={undefined} apps={[]} />;
  return <FollowedSteps {...all} />;
}

function FollowedSteps(props: Props) {
  const { name, namespace } = props.wizard.draft;
  const feed = useEnvironmentScope(namespace, name);
  const { problem } = useFeedStatus(feed);
  const environment = useValue<Environment>(feed, `environment:${namespace}/${name}`);
  const apps = useValues<App>(feed, 'app:');
  return (
    <>
      {problem && <Failure error={problem} again={() => void feed.reload()} kept={environment !== undefined} />}
      <div className={problem && environment ? 'stale' : undefined}>
        <Steps {...props} environment={environment} apps={apps} />
      </div>
    </>
  );
}

function Steps(props: Props & { environment: Environment | undefined; apps: readonly App[] }) {
  const { wizard, give, environment, apps } = props;
  const { step, draft, go } = wizard;
  const now = useNow();
  const me = useMe();
  const at = STEPS.indexOf(step);
  const faults: Faults = environment ? {} : faultsOf(draft);
  const missing = missingBefore(faults, step);
  const [before, after] = [STEPS[at - 1], STEPS[at + 1]];
  const onward = after && isWhole(faults, step) && (environment || step === 'name' || step === 'repository');
  useKeys([
    ...(before ? [{ key: '[', label: 'step before', run: () => go(before) }] : []),
    ...(after && onward ? [{ key: ']', label: 'next step', run: () => go(after) }] : []),
  ]);
  const wordOf = (each: Step) => {
    const word = wordOfStep(each, environment, apps, now);
    return word ?? (!environment && STEPS.indexOf(each) < at && isWhole(faults, each) ? 'Healthy' : undefined);
  };
  const done = () => {
    give(NO_SECRETS);
    go('flux');
  };
  const creates = step === 'layout' && !environment;
  return (
    <>
      <div className="page-head">
        <h1>{environment ? `Set up ${draft.name}` : 'New environment'}</h1>
        {environment && (
          <Link
            to="/environments/$namespace/$name"
            params={{ namespace: draft.namespace, name: draft.name }}
            search={({ ns }) => ({ ns })}
            className="text-link"
          >
            Its page
          </Link>
        )}
      </div>
      <nav aria-label="Steps">
        <ol className="wizard-steps">
          {STEPS.map((each, index) => {
            const word = wordOf(each);
            return (
              <li key={each}>
                <UnstyledButton aria-current={each === step ? 'step' : undefined} onClick={() => go(each)}>
                  <span className="wizard-mark">{word ? <WordIcon word={word} size={16} /> : index + 1}</span>
                  {NAMES[each]}
                </UnstyledButton>
              </li>
            );
          })}
        </ol>
      </nav>
      <div className="columns wizard">
        <section className="panel" aria-label={`Step ${at + 1}`}>
          <form
            className="panel-body"
            onSubmit={(event) => {
              event.preventDefault();
              if (after && onward) go(after);
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
            <StepBody {...props} faults={faults} />
            {creates ? (
              <CreateBar wizard={wizard} faults={faults} secrets={props.secrets} done={done} />
            ) : (
              <Group gap="xs" mt="lg">
                {before && (
                  <Button size="sm" variant="default" onClick={() => go(before)}>
                    Back
                  </Button>
                )}
                {after && (
                  <Button size="sm" type="submit" disabled={!onward}>
                    Next
                  </Button>
                )}
              </Group>
            )}
          </form>
        </section>
        <Writes wizard={wizard} faults={faults} environment={environment} user={me.data?.user} />
      </div>
    </>
  );
}

function StepBody(props: Parameters<typeof Steps>[0] & { faults: Faults }) {
  const { wizard, faults, secrets, give, environment, apps } = props;
  const { step, draft, go } = wizard;
  if (step === 'name') return <PlaceStep wizard={wizard} faults={faults} />;
  if (step === 'repository' || step === 'layout') {
    if (environment) return <ThereStep environment={environment} />;
    if (step === 'layout') return <LayoutStep wizard={wizard} faults={faults} />;
    return <RepositoryStep wizard={wizard} faults={faults} secrets={secrets} give={give} />;
  }
  if (!environment)
    return (
      <Empty
        next={
          <Button size="compact-sm" variant="default" onClick={() => go('layout')}>
            Create it
          </Button>
        }
      >
        The environment is not there yet. This step comes once it is; whoever makes it elsewhere is seen here, too.
      </Empty>
    );
  const place = followed(environment, draft, draft.dashboard || location.origin);
  if (step === 'flux') return <FluxStep wizard={wizard} environment={environment} place={place} />;
  if (step === 'agent') return <AgentStep environment={environment} place={place} />;
  return <AppStep wizard={wizard} first={draft.first} apps={apps} elsewhere={place.elsewhere} />;
}
