import { Button, Group, Text } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { agentRight } from '~/api/agentRights';
import type { Running } from '~/api/agents';
import { type App, condition, type Release } from '~/api/kinds';
import { toRelease, useRight } from '~/api/rights';
import type { EnvironmentCard, Row } from '~/api/server';
import { type Act, actToText } from '~/domain/act';
import { type Panel, withPanel } from '~/domain/panel';
import { toggleStar } from '~/domain/preferences';
import { wordOfCondition } from '~/domain/words';
import { useAppScope, useOverview } from '~/live/scopes';
import { useFeedStatus, useValue, useValues } from '~/live/useFeed';
import { columnsOf, nextAfter } from '~/overview/matrix';
import { Age, useNow } from '~/parts/Age';
import { Boundary } from '~/parts/Boundary';
import { Guarded } from '~/parts/Guarded';
import { useKeys } from '~/parts/keys';
import { Star } from '~/parts/Star';
import { Empty, Failure, Loading } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { YamlButton } from '~/parts/YamlButton';
import { AppFacts } from './AppFacts';
import { AppHistory } from './AppHistory';
import { AppManifests } from './AppManifests';
import { AppRuns } from './AppRuns';
import { HoldButton } from './HoldButton';
import { Notices } from './Notices';
import { Siblings } from './Siblings';
import { Uninstall } from './Uninstall';
import './app.css';

/** One app in one environment; its other environments are tabs. */
export function AppPage() {
  const { namespace = '', app = '', environment = '' } = useParams({ strict: false });
  const { ns } = useSearch({ strict: false });
  const navigate = useNavigate();
  const overview = useOverview(ns);
  const rows = useValues<Row>(overview, 'row:');
  const cards = useValues<EnvironmentCard>(overview, 'env:');
  const feed = useAppScope(namespace, app, environment);
  const status = useFeedStatus(feed);
  const found = useValue<App>(feed, `app:${namespace}/${app}.${environment}`);
  const running = useValue<Running>(feed, `running:${namespace}/${app}.${environment}`);
  const releases = useValues<Release>(feed, 'release:');
  const right = useRight(toRelease(namespace));
  const now = useNow();

  const columns = columnsOf(cards, rows).filter(({ cards }) => cards.some((card) => card.namespace === namespace));
  const row = rows.find(({ key }) => key === `${namespace}/${app}`);
  const next = nextAfter(columns, namespace, environment);
  const act = (act: Act) => void navigate({ to: '.', search: (old) => ({ ...old, act: actToText(act) }) });
  const release = () => act({ kind: 'release', namespace, app, environments: [environment] });
  const rollback = () => act({ kind: 'rollback', namespace, app, environment });
  const promote = () => next && act({ kind: 'promote', namespace, app, from: environment, environments: [next] });
  const look = (tab: Panel['tab'], pod?: string) =>
    void navigate({ to: '.', search: (old) => withPanel(old, { tab, namespace, app, environment }, { pod }) });
  const go = (to: { app?: string; environment?: string }) =>
    void navigate({
      to: '/apps/$namespace/$app/$environment',
      params: { namespace, app: to.app ?? app, environment: to.environment ?? environment },
      search: { ns },
    });
  const sibling = (by: 1 | -1) => {
    const names = rows
      .filter((each) => each.namespace === namespace)
      .map((each) => each.app)
      .sort();
    const to = names[(names.indexOf(app) + by + names.length) % names.length];
    if (to) go({ app: to });
  };

  useKeys([
    { key: 'r', label: 'release', run: release },
    { key: 'b', label: 'roll back', run: rollback },
    ...(next ? [{ key: 'p', label: `promote to ${next}`, run: promote }] : []),
    { key: 'l', label: 'logs', run: () => look('logs') },
    { key: 'e', label: 'events', run: () => look('events') },
    { key: 't', label: 'resource tree', run: () => look('tree') },
    { key: '*', label: 'star', run: () => toggleStar(`${namespace}/${app}`) },
    { key: '[', label: 'previous app', run: () => sibling(-1) },
    { key: ']', label: 'next app', run: () => sibling(1) },
    ...columns.slice(0, 9).map(({ name }, index) => ({
      key: String(index + 1),
      label: name,
      run: () => go({ environment: name }),
    })),
  ]);

  const ready = condition(found?.status?.conditions, 'Ready');
  const word = row?.cells[environment]?.word ?? wordOfCondition(ready?.status);
  return (
    <>
      <div className="page-head">
        <h1>
          {app}
          <Text span c="dimmed" size="sm">
            {namespace}
          </Text>
          <Star id={`${namespace}/${app}`} app={app} />
        </h1>
        <Group gap="xs">
          <Guarded right={agentRight(running, environment, 'logs', now)} variant="default" onClick={() => look('logs')}>
            Logs
          </Guarded>
          <Guarded
            right={agentRight(running, environment, 'events', now)}
            variant="default"
            onClick={() => look('events')}
          >
            Events
          </Guarded>
          <Guarded
            right={running ? { allowed: true, text: '' } : agentRight(undefined, environment, 'describe', now)}
            variant="default"
            onClick={() => look('tree')}
          >
            Resource tree
          </Guarded>
          <Guarded right={right} onClick={release}>
            Release…
          </Guarded>
          {next && (
            <Guarded
              right={right}
              variant="default"
              onClick={promote}
              unless={!found && 'It is not released here yet.'}
            >
              Promote to {next}…
            </Guarded>
          )}
          <Guarded right={right} variant="default" onClick={rollback} unless={!found && 'It is not released here yet.'}>
            Roll back…
          </Guarded>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() =>
              void navigate({
                to: '/apps/$namespace/$app/$environment/configure',
                params: { namespace, app, environment },
                search: { ns },
              })
            }
          >
            Configure
          </Button>
          {found && <AppManifests app={found} />}
          {found && <HoldButton app={found} />}
          {found && <Uninstall app={found} />}
          {found && <YamlButton title={`App ${app}.${environment}`} object={found} />}
        </Group>
      </div>
      <Siblings columns={columns} row={row} namespace={namespace} app={app} environment={environment} />
      {!found && !status.problem && status.loaded && (
        <Empty
          next={
            <Button variant="default" size="sm" onClick={release}>
              Release {app} to {environment}…
            </Button>
          }
        >
          {app} is not released in {environment}.
        </Empty>
      )}
      {status.problem && <Failure error={status.problem} again={() => void feed.reload()} kept={found && status.at} />}
      {!found && !status.problem && !status.loaded && <Loading lines={10} />}
      {found && (
        <div className={status.problem ? 'stale' : undefined}>
          <section className="panel app-now" aria-label="Now">
            <WordMark word={word} />
            <span className="mono app-version">{found.status?.current?.version ?? 'not released yet'}</span>
            <Text size="sm" className="wrap">
              {ready?.message}
            </Text>
            {found.status?.current && (
              <Text size="sm" c="dimmed">
                <Link
                  to="/releases/$namespace/$name"
                  params={{ namespace, name: found.status.current.name }}
                  className="text-link"
                >
                  {found.status.current.name}
                </Link>{' '}
                · <Age time={found.status.current.time} ago />
              </Text>
            )}
          </section>
          <Notices app={found} releases={releases} />
          {running && (
            <Boundary what="What runs">
              <AppRuns
                running={running}
                place={{ namespace, environment }}
                onLogs={running.can.includes('logs') ? (pod) => look('logs', pod) : undefined}
              />
            </Boundary>
          )}
          <div className="columns">
            <Boundary what="The state">
              <AppFacts app={found} releases={releases} />
            </Boundary>
            <Boundary what="The history">
              <AppHistory app={found} releases={releases} />
            </Boundary>
          </div>
        </div>
      )}
    </>
  );
}
