import { Alert, Button, Group, Tabs, Text } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { Presence } from '~/api/agents';
import { type App, condition, type Environment } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { wordOfCondition } from '~/domain/words';
import { useEnvironmentScope } from '~/live/scopes';
import { useFeedStatus, useValue, useValues } from '~/live/useFeed';
import { Age } from '~/parts/Age';
import { useKeys } from '~/parts/keys';
import { Empty, Failure, Loading } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { YamlButton } from '~/parts/YamlButton';
import { EnvironmentAccess } from './EnvironmentAccess';
import { EnvironmentDanger } from './EnvironmentDanger';
import { EnvironmentFlux, EnvironmentRepository } from './EnvironmentFlux';
import { EnvironmentNotifications, EnvironmentRules } from './EnvironmentRules';
import { EnvironmentState } from './EnvironmentState';
import { LockButton, LockNotice } from './LockButton';
import { RepositoryTrouble } from './RepositoryTrouble';
import { WhoMay } from './WhoMay';
import './environments.css';

const TABS = ['apps', 'flux', 'policies', 'notifications', 'repository', 'access', 'danger'] as const;
const NAMES: Partial<Record<(typeof TABS)[number], string>> = { flux: 'Flux' };
const nameOf = (tab: (typeof TABS)[number]) => NAMES[tab] ?? `${tab[0]?.toUpperCase()}${tab.slice(1)}`;

/** Where releases go, and under which rules. */
export function EnvironmentPage() {
  const { namespace = '', name = '' } = useParams({ strict: false });
  const { tab } = useSearch({ strict: false });
  const navigate = useNavigate();
  const feed = useEnvironmentScope(namespace, name);
  const status = useFeedStatus(feed);
  const environment = useValue<Environment>(feed, `environment:${namespace}/${name}`);
  const apps = useValues<App>(feed, 'app:');
  const presence = useValue<Presence>(feed, `agent:${namespace}/${name}`);
  const queue = useValue<number>(feed, `queue:${namespace}/${name}`);
  const shown = TABS.find((each) => each === tab) ?? 'apps';
  const open = (tab: string | null) =>
    void navigate({
      to: '.',
      replace: true,
      search: (old) => ({ ...old, tab: tab && tab !== 'apps' ? tab : undefined }),
    });
  useKeys(TABS.map((tab, index) => ({ key: String(index + 1), label: tab, run: () => open(tab) })));

  if (!environment) {
    if (status.problem) return <Failure error={status.problem} again={() => void feed.reload()} />;
    if (status.loaded) return <NotThere namespace={namespace} name={name} />;
    return <Loading lines={10} />;
  }
  const ready = condition(environment.status?.conditions, 'Ready');
  const git = condition(environment.status?.conditions, 'GitReady');
  return (
    <div className={status.problem ? 'stale' : undefined}>
      {status.problem && <Failure error={status.problem} again={() => void feed.reload()} kept={status.at} />}
      <div className="page-head">
        <div>
          <h1>
            {name}
            <Text span size="sm" c="dimmed">
              {namespace}
            </Text>
            <WordMark word={environment.spec.suspend ? 'Waiting' : wordOfCondition(ready?.status)}>
              {environment.spec.suspend ? 'Suspended' : ready?.status === 'True' ? 'Ready' : 'Not ready'}
            </WordMark>
          </h1>
          {ready?.message !== git?.message && (
            <Text size="sm" c="dimmed" className="wrap">
              {ready?.message}
            </Text>
          )}
        </div>
        <Group gap="xs">
          {condition(environment.status?.conditions, 'FluxReady')?.status !== 'True' && (
            <SetUp environment={environment} />
          )}
          <LockButton environment={environment} />
          <YamlButton title={`Environment ${name}`} object={environment} />
        </Group>
      </div>
      {git?.status === 'False' && (
        <Alert color="red" variant="light" title="The repository cannot be written" mb="sm" p="sm" role="alert">
          <Text size="sm" className="wrap" mb="xs">
            {git.message}
          </Text>
          <RepositoryTrouble environment={environment} />
        </Alert>
      )}
      <LockNotice environment={environment} />
      <EnvironmentState environment={environment} presence={presence} queue={queue} />
      <Tabs value={shown} onChange={open} keepMounted={false}>
        <Tabs.List mb="sm">
          {TABS.map((tab) => (
            <Tabs.Tab key={tab} value={tab}>
              {nameOf(tab)} {tab === 'apps' && apps.length}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="apps">
          <AppList apps={apps} />
        </Tabs.Panel>
        <Tabs.Panel value="flux">
          <EnvironmentFlux environment={environment} />
        </Tabs.Panel>
        <Tabs.Panel value="policies">
          <EnvironmentRules environment={environment} />
        </Tabs.Panel>
        <Tabs.Panel value="notifications">
          <EnvironmentNotifications environment={environment} />
        </Tabs.Panel>
        <Tabs.Panel value="repository">
          <EnvironmentRepository environment={environment} />
        </Tabs.Panel>
        <Tabs.Panel value="access">
          <WhoMay environment={environment} />
          <EnvironmentAccess environment={environment} />
        </Tabs.Panel>
        <Tabs.Panel value="danger">
          <EnvironmentDanger environment={environment} apps={apps} />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}

/** Whoever may see apps or releases here, but not the Environment, is told so: it may be there. */
function NotThere({ namespace, name }: { namespace: string; name: string }) {
  const right = useRight({ verb: 'get', resource: 'environments', namespace, name });
  return <Empty>{right.allowed ? `There is no Environment ${name} in ${namespace}.` : right.text}</Empty>;
}

/** The way back to the wizard, while Flux does not follow. */
function SetUp({ environment: { metadata } }: { environment: Environment }) {
  const navigate = useNavigate();
  return (
    <Button
      size="compact-sm"
      variant="default"
      onClick={() =>
        void navigate({
          to: '/environments/new',
          search: ({ ns }) => ({ ns, name: metadata.name, in: metadata.namespace, step: 'flux' }),
        })
      }
    >
      Set up…
    </Button>
  );
}

function AppList({ apps }: { apps: readonly App[] }) {
  if (apps.length === 0) return <Empty>Nothing is released here yet.</Empty>;
  return (
    <section className="panel scroll-x" aria-label="Apps">
      <table className="data">
        <thead>
          <tr>
            <th>App</th>
            <th>State</th>
            <th>Version</th>
            <th>Released</th>
            <th>Runs</th>
          </tr>
        </thead>
        <tbody>
          {[...apps]
            .sort((a, b) => a.spec.app.localeCompare(b.spec.app))
            .map(({ metadata: { namespace }, spec: { app, environment, hold }, status }) => {
              const ready = condition(status?.conditions, 'Ready');
              const word = status?.drift?.git ? 'Drifted' : hold ? 'Waiting' : wordOfCondition(ready?.status);
              return (
                <tr key={app}>
                  <td>
                    <Link
                      to="/apps/$namespace/$app/$environment"
                      params={{ namespace, app, environment }}
                      search={({ ns }) => ({ ns })}
                      className="text-link"
                    >
                      <strong>{app}</strong>
                    </Link>
                  </td>
                  <td style={{ maxWidth: 420 }}>
                    <WordMark word={word} size={15} />
                    {word !== 'Healthy' && (
                      <Text size="xs" className="wrap">
                        {status?.drift?.git ?? hold?.reason ?? ready?.message}
                      </Text>
                    )}
                  </td>
                  <td className="mono">{status?.current?.version ?? '—'}</td>
                  <td>
                    <Age time={status?.current?.time} />
                  </td>
                  <td>{status?.live?.replicas ?? '—'}</td>
                </tr>
              );
            })}
        </tbody>
      </table>
    </section>
  );
}
