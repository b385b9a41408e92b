import { Button, Group, Tabs, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { App, Release } from '~/api/kinds';
import { toRelease, useRight } from '~/api/rights';
import type { EnvironmentCard } from '~/api/server';
import { readDiff } from '~/api/views';
import { actToText } from '~/domain/act';
import { commitLinks, folderOf } from '~/domain/links';
import { useAppScope, useOverview } from '~/live/scopes';
import { useFeedStatus, useValue, useValues } from '~/live/useFeed';
import { Age } from '~/parts/Age';
import { Diff } from '~/parts/Diff';
import { Guarded } from '~/parts/Guarded';
import { Manifests } from '~/parts/Manifests';
import { Empty, Failure, Loading, Sha } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { findInGit, type Recorded } from './fromGit';

/** How long a release is missing before it is looked for: of one that was just made, the watch may not know yet. */
const PATIENCE = 2000;

/** A release without an object: what the log in git has of it, or that it has nothing. */
export function FromGit({ namespace, name }: { namespace: string; name: string }) {
  const [missed, miss] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => miss(true), PATIENCE);
    return () => clearTimeout(timer);
  }, []);
  return missed ? <Searched namespace={namespace} name={name} /> : <Loading lines={10} />;
}

function Searched({ namespace, name }: { namespace: string; name: string }) {
  const { ns } = useSearch({ strict: false });
  const overview = useOverview(ns);
  const status = useFeedStatus(overview);
  const environments = useValues<EnvironmentCard>(overview, 'env:')
    .filter((card) => card.namespace === namespace)
    .map((card) => card.name)
    .sort();
  // Once it is found, an environment that comes or goes changes nothing.
  const [recorded, keep] = useState<Recorded>();
  const found = useQuery({
    queryKey: ['fromGit', namespace, name, environments],
    queryFn: async ({ signal }) => (await findInGit(namespace, name, environments, signal)) ?? null,
    enabled: status.loaded && !recorded,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (found.data?.entry.app && !recorded) keep(found.data);
  if (recorded?.entry.app)
    return <Found namespace={namespace} name={name} recorded={recorded} app={recorded.entry.app} />;
  if (!status.loaded && status.problem) return <Failure error={status.problem} again={() => void overview.reload()} />;
  if (found.isPending) return <Loading lines={10} />;
  if (found.error) return <Failure error={found.error} again={() => void found.refetch()} />;
  return (
    <Empty
      next={
        <Button component={Link} to="/audit" variant="default">
          To the audit log
        </Button>
      }
    >
      There is no Release {name} in {namespace}, and the logs in git that you may read do not have it.
    </Empty>
  );
}

interface FoundProps {
  namespace: string;
  name: string;
  app: string;
  recorded: Recorded;
}

function Found({ namespace, name, app, recorded: { environment, entry, before } }: FoundProps) {
  const { commit, time, action, version, requestedBy, reason, source, repository, rollbackTo } = entry;
  const navigate = useNavigate();
  const right = useRight(toRelease(namespace));
  const feed = useAppScope(namespace, app, environment);
  const releases = useValues<Release>(feed, 'release:');
  const current = useValue<App>(feed, `app:${namespace}/${app}.${environment}`)?.status?.current;
  const linkOf = commitLinks(releases);
  const rollback = () =>
    void navigate({
      to: '.',
      search: (old) => ({ ...old, act: actToText({ kind: 'rollback', namespace, app, environment, to: name }) }),
    });
  const facts: [string, React.ReactNode][] = [
    [
      'Name',
      <span key="name" className="mono">
        {name}
      </span>,
    ],
    ['Commit', <Sha key="commit" id={commit} href={linkOf(commit)} />],
    ['Message', entry.subject],
    ['Source', source && <Sha key="source" id={source} />],
    ['Repository', repository],
    ['Puts back', rollbackTo && <Sha key="back" id={rollbackTo} href={linkOf(rollbackTo)} />],
  ];
  return (
    <>
      <div className="page-head">
        <div>
          <h1>
            <Link
              to="/apps/$namespace/$app/$environment"
              params={{ namespace, app, environment }}
              className="quiet-link"
            >
              {app} → {environment}
            </Link>
            <span className="mono">{version}</span>
            <WordMark word="Ended">from git</WordMark>
          </h1>
          <Text size="sm" c="dimmed" className="wrap">
            {action ?? 'release'} by {requestedBy ?? 'somebody'} <Age time={time} ago />
            {reason && ` · “${reason}”`}
          </Text>
        </div>
        <Group gap="xs">
          <Guarded
            right={right}
            variant="default"
            onClick={rollback}
            unless={
              action === 'uninstall'
                ? 'It removed the app: go back to one before it.'
                : current?.commit === commit && 'It is what is released now.'
            }
          >
            Roll back to this…
          </Guarded>
        </Group>
      </div>
      <section className="panel" aria-label="Facts">
        <header>
          <h2>What git has of it</h2>
        </header>
        <div className="panel-body">
          <Text size="sm" c="dimmed" mb="xs">
            Its object was tidied away, and with it how its plan, its approvals and its rollout went. This is what its
            commit says.
          </Text>
          <dl className="facts">
            {facts
              .filter(([, value]) => value)
              .map(([name, value]) => [<dt key={`${name} name`}>{name}</dt>, <dd key={name}>{value}</dd>])}
          </dl>
        </div>
      </section>
      <Content
        namespace={namespace}
        environment={environment}
        app={app}
        commit={commit}
        before={before}
        folder={folderOf(releases)}
      />
    </>
  );
}

interface ContentProps {
  namespace: string;
  environment: string;
  app: string;
  commit: string;
  before: string | undefined;
  folder: string | undefined;
}

function Content({ before, folder, ...place }: ContentProps) {
  const { tab } = useSearch({ strict: false });
  const navigate = useNavigate();
  const shown = tab === 'manifests' || !before ? 'manifests' : 'changes';
  const open = (next: string | null) =>
    void navigate({
      to: '.',
      replace: true,
      resetScroll: false,
      search: (old) => ({ ...old, tab: next === 'manifests' ? next : undefined }),
    });
  return (
    <section className="panel" aria-label="Content" style={{ marginTop: 16 }}>
      <Tabs value={shown} onChange={open} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="changes" disabled={!before}>
            Changes
          </Tabs.Tab>
          <Tabs.Tab value="manifests">Manifests</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="changes" className="panel-body">
          {before && <Changes {...place} before={before} folder={folder} />}
        </Tabs.Panel>
        <Tabs.Panel value="manifests" className="panel-body">
          {!before && (
            <Text size="sm" c="dimmed" mb="xs">
              Git has nothing of the app before it: all of it was new.
            </Text>
          )}
          <Manifests {...place} />
        </Tabs.Panel>
      </Tabs>
    </section>
  );
}

function Changes({ namespace, environment, app, commit, before, folder }: ContentProps & { before: string }) {
  const diff = useQuery({
    queryKey: ['diff', namespace, environment, app, before, commit],
    queryFn: () => readDiff(namespace, environment, app, before, commit),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (diff.isPending) return <Loading />;
  if (diff.error) return <Failure error={diff.error} again={() => void diff.refetch()} />;
  return (
    <>
      <Text size="xs" c="dimmed" mb="xs">
        against <Sha id={before} />
      </Text>
      <Diff difference={diff.data} keys folder={folder} />
    </>
  );
}
