import { Group, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { post } from '~/api/http';
import { type App, pathOf, type Release } from '~/api/kinds';
import { toRelease, useMe, useRight } from '~/api/rights';
import type { EnvironmentCard } from '~/api/server';
import { useOverview } from '~/live/scopes';
import { useValue } from '~/live/useFeed';
import { CopyLine } from '~/parts/CopyLine';
import { Guarded } from '~/parts/Guarded';
import { Failure, Loading } from '~/parts/states';
import { PlanOf } from '~/release/PlanOf';
import { usePlans } from '~/release/plans';
import { type FirstApp, faultsOfApp, firstOrder, firstRelease, initCommand, namespaceCommand } from './firstApp';
import type { Wizard } from './useDraft';
import '~/release/release.css';

interface Props {
  wizard: Wizard;
  first: FirstApp;
  apps: readonly App[];
  /** Flux applies the environment to another cluster than Gimlet's. */
  elsewhere: boolean;
}

/** Releases a first app with the built-in chart; versions after it come from CI or from its repository. */
export function AppStep({ wizard: { draft, set }, first, apps, elsewhere }: Props) {
  const { name, namespace } = draft;
  const navigate = useNavigate();
  const right = useRight(toRelease(namespace));
  const me = useMe();
  const { ns } = useSearch({ strict: false });
  const faults = faultsOfApp(first);
  const whole = !Object.values(faults).some(Boolean);
  // Nothing is planned of a name that is only half typed.
  const typed = JSON.stringify(first);
  const [settled] = useDebouncedValue(typed, 500);
  const ready = whole && right.allowed && settled === typed;
  const [plan] = usePlans(ready ? [firstOrder(name, namespace, first)] : []);
  const card = useValue<EnvironmentCard>(useOverview(ns), `env:${namespace}/${name}`);
  const planned =
    !plan?.data && (plan?.error ? 'This cannot be released: the plan says why.' : 'The plan is on its way.');
  const act = useMutation({
    mutationFn: () => post<Release>(pathOf('releases', namespace), firstRelease(name, namespace, first, me.data?.user)),
    onSuccess: ({ metadata }) =>
      void navigate({
        to: '/releases/$namespace/$name',
        params: { namespace, name: metadata.name },
        search: ({ ns }) => ({ ns }),
      }),
  });
  const field = (label: string, key: 'app' | 'image' | 'port' | 'target', text: string) => (
    <TextInput
      label={label}
      description={text}
      value={first[key]}
      error={first[key] && faults[key]}
      onChange={(event) => set({ [key]: event.currentTarget.value.trim() })}
    />
  );
  return (
    <Stack gap="md">
      {apps.length > 0 && (
        <Text size="sm">
          {apps.length === 1 ? 'There is an app here: ' : `There are ${apps.length} apps here: `}
          {apps.slice(0, 5).map(({ spec: { app, environment } }, index) => (
            <span key={app}>
              {index > 0 && ', '}
              <Link
                to="/apps/$namespace/$app/$environment"
                params={{ namespace, app, environment }}
                search={({ ns }) => ({ ns })}
                className="text-link"
              >
                {app}
              </Link>
            </span>
          ))}
        </Text>
      )}
      {field('App', 'app', 'What it is called.')}
      {field('Image', 'image', 'With a tag or a digest.')}
      {field('Port', 'port', 'That it listens on.')}
      {field('Namespace', 'target', 'In the cluster that Flux applies the environment to. Flux does not make it.')}
      {first.target && !faults.target && (
        <section aria-label="The app's namespace">
          <Text size="sm">If it is not there yet, make it before the release, with your kubeconfig:</Text>
          <CopyLine text={namespaceCommand(first, elsewhere)} />
        </section>
      )}
      {whole && right.allowed && (
        <section aria-label="Plan">
          <Text size="sm" mb="xs">
            What it changes in git, as the operator has rendered it:
          </Text>
          {plan ? <PlanOf name={name} plan={plan} card={card} rollback={false} open /> : <Loading lines={2} />}
        </section>
      )}
      <Group gap="xs">
        <Guarded
          right={right}
          size="sm"
          loading={act.isPending}
          unless={whole ? planned : 'Say name, image, port and namespace first.'}
          onClick={() => act.mutate()}
        >
          Create release
        </Guarded>
        {!right.allowed && (
          <Text size="xs" c="dimmed" className="wrap">
            {right.text}
          </Text>
        )}
      </Group>
      {act.error && <Failure error={act.error} />}
      <section className="wizard-note" aria-label="From its repository">
        <Text size="sm">
          Or begin in the checkout of the application: this writes its deploy manifest, which CI, policies and{' '}
          <em>Configure</em> work with from then on.
        </Text>
        <CopyLine text={initCommand(name, first)} />
      </section>
    </Stack>
  );
}
