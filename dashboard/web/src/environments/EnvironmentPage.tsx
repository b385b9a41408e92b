import { Group, Tabs, Text } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { type App, condition, type Environment } from '~/api/kinds';
import { wordOfCondition } from '~/domain/words';
import { useEnvironmentScope } from '~/live/scopes';
import { useFeedStatus, useValue, useValues } from '~/live/useFeed';
import { Age } from '~/parts/Age';
import { Conditions } from '~/parts/Conditions';
import { useKeys } from '~/parts/keys';
import { Empty, Failure, Loading, Sha } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { YamlButton } from '~/parts/YamlButton';
import { EnvironmentRules } from './EnvironmentRules';
import { LockButton, LockNotice } from './LockButton';

const TABS = ['apps', 'rules', 'repository'] as const;

/** Where releases go, and under which rules. */
export function EnvironmentPage() {
  const { namespace = '', name = '' } = useParams({ strict: false });
  const { tab } = useSearch({ strict: false });
  const navigate = useNavigate();
  const feed = useEnvironmentScope(namespace, name);
  const status = useFeedStatus(feed);
  const environment = useValue<Environment>(feed, `environment:${namespace}/${name}`);
  const apps = useValues<App>(feed, 'app:');
  const shown = TABS.find((each) => each === tab) ?? 'apps';
  const open = (tab: string | null) =>
    void navigate({
      to: '.',
      replace: true,
      search: (old) => ({ ...old, tab: tab && tab !== 'apps' ? tab : undefined }),
    });
  useKeys(TABS.map((tab, index) => ({ key: String(index + 1), label: tab, run: () => open(tab) })));

  if (!environment) {
    if (status.problem && status.problem.status !== 404) {
      return <Failure error={status.problem} again={() => void feed.reload()} />;
    }
    if (status.loaded || status.problem) {
      return (
        <Empty>
          There is no Environment {name} in {namespace}.
        </Empty>
      );
    }
    return <Loading lines={10} />;
  }
  const ready = condition(environment.status?.conditions, 'Ready');
  return (
    <div className={status.problem ? 'stale' : undefined}>
      {status.problem && <Failure error={status.problem} again={() => void feed.reload()} kept />}
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
          <Text size="sm" c="dimmed" className="wrap">
            {ready?.message}
          </Text>
        </div>
        <Group gap="xs">
          <LockButton environment={environment} />
          <YamlButton title={`Environment ${name}`} object={environment} />
        </Group>
      </div>
      <LockNotice environment={environment} />
      <Tabs value={shown} onChange={open} keepMounted={false}>
        <Tabs.List mb="sm">
          <Tabs.Tab value="apps">Apps {apps.length}</Tabs.Tab>
          <Tabs.Tab value="rules">Rules</Tabs.Tab>
          <Tabs.Tab value="repository">Repository and Flux</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="apps">
          <AppList apps={apps} />
        </Tabs.Panel>
        <Tabs.Panel value="rules">
          <EnvironmentRules environment={environment} />
        </Tabs.Panel>
        <Tabs.Panel value="repository">
          <Repository environment={environment} />
        </Tabs.Panel>
      </Tabs>
    </div>
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

function Repository({ environment: { spec, status } }: { environment: Environment }) {
  const { gitops, flux } = spec;
  return (
    <section className="panel" aria-label="Repository and Flux">
      <div className="panel-body">
        <dl className="facts">
          <dt>Repository</dt>
          <dd>{gitops.url}</dd>
          <dt>Branch, folder</dt>
          <dd>
            {gitops.branch ?? 'main'}, {gitops.path || 'the whole repository'}
          </dd>
          <dt>Newest commit</dt>
          <dd>
            {status?.head ? <Sha id={status.head.commit} /> : '—'} <Age time={status?.head?.time} />
          </dd>
          <dt>Commits signed</dt>
          <dd>{gitops.signing ? 'yes' : 'no'}</dd>
          <dt>Engine</dt>
          <dd>{status?.engine ?? '—'}</dd>
          <dt>Flux</dt>
          <dd>
            {flux?.namespace ?? 'flux-system'}, each {flux?.interval ?? '1m'}, at most {flux?.timeout ?? '5m'},{' '}
            {flux?.kustomizationPerApp === false ? 'one Kustomization for all apps' : 'one Kustomization for each app'}
          </dd>
        </dl>
        <Conditions conditions={status?.conditions} />
      </div>
    </section>
  );
}
