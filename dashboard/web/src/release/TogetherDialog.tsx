import { ActionIcon, Alert, Drawer, Group, Kbd, NativeSelect, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconArrowRight, IconX } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { get, Problem, post, withQuery } from '~/api/http';
import { type App, type List, pathOf, type Release, type ReleaseSet } from '~/api/kinds';
import { toRelease, toReleaseTogether, useMe, useRight } from '~/api/rights';
import type { EnvironmentCard } from '~/api/server';
import { setCommand } from '~/domain/releaseSet';
import { kubectlCreate, newRelease } from '~/domain/releaseSpec';
import { clearSelection } from '~/domain/selection';
import { membersOf, newReleaseSet, ordersOf, sharedArtifact, type Together, togetherToText } from '~/domain/together';
import { useOverview } from '~/live/scopes';
import { useValues } from '~/live/useFeed';
import { CopyAs } from '~/parts/CopyAs';
import { DialogFoot } from '~/parts/DialogFoot';
import { Guarded } from '~/parts/Guarded';
import { ReasonField } from '~/parts/ReasonField';
import { tellRefusal } from '~/parts/refused';
import { Empty, Failure, Loading } from '~/parts/states';
import { ExpectedBase } from './ExpectedBase';
import { PlanOf } from './PlanOf';
import { usePlans } from './plans';
import './release.css';

const readApps = async (namespace: string, environment: string) =>
  (await get<List<App>>(withQuery(pathOf('apps', namespace), { fieldSelector: `spec.environment=${environment}` })))
    .items;

/** Promotes several apps: as one ReleaseSet where they are of one artifact, else each as a Release of its own. */
export function TogetherDialog({ together }: { together: Together }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { ns } = useSearch({ strict: false });
  const { namespace, from, to } = together;
  const [reason, setReason] = useState('');
  const [expected, setExpected] = useState(true);
  const me = useMe();
  const cards = useValues<EnvironmentCard>(useOverview(ns), 'env:').filter((card) => card.namespace === namespace);
  const found = useQuery({
    queryKey: ['apps', namespace, 'between', from, to],
    queryFn: async () => (await Promise.all([readApps(namespace, from), readApps(namespace, to)])).flat(),
    staleTime: 0,
  });

  const members = membersOf(together, found.data ?? []);
  const there = members.filter(({ not }) => !not);
  const shared = sharedArtifact(there, namespace);
  const said = { reason, requestedBy: me.data?.user };
  const orders = found.data && from !== to ? ordersOf(together, there, shared, said, expected) : [];
  const mayPlan = useRight(toRelease(namespace));
  const maySet = useRight(toReleaseTogether(namespace));
  // A set is planned by releases, too.
  const right = shared && !maySet.allowed ? maySet : mayPlan;
  const plans = usePlans(mayPlan.allowed ? orders : []);
  const good = orders.filter((_, index) => plans[index]?.data);

  const change = (next: Together) =>
    void navigate({ to: '.', replace: true, search: (old) => ({ ...old, act: togetherToText(next) }) });
  const close = () => void navigate({ to: '.', search: (old) => ({ ...old, act: undefined }) });
  const done = (message: string) => {
    notifications.show({ message });
    clearSelection();
    void navigate({ to: '/', search: { ns } });
  };

  const create = useMutation({
    mutationFn: async () => {
      if (shared) {
        const set = newReleaseSet(together, there, shared, said);
        const { metadata } = await post<ReleaseSet>(pathOf('releasesets', namespace), set);
        return { set: metadata.name, made: undefined, refused: [] };
      }
      const answers = await Promise.allSettled(
        good.map((order) => post<Release>(pathOf('releases', namespace), newRelease(order))),
      );
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
      const count = answers.length - refused.length;
      return {
        set: undefined,
        made: count > 0 ? `${count} ${count === 1 ? 'release' : 'releases'} created` : undefined,
        refused,
      };
    },
    onSuccess: ({ set, made, refused }) => {
      if (set) {
        clearSelection();
        void navigate({ to: '/sets/$namespace/$name', params: { namespace, name: set }, search: { ns } });
      }
      for (const error of refused) {
        if (error instanceof Problem && error.status === 403) void queries.invalidateQueries({ queryKey: ['right'] });
        tellRefusal(error);
      }
      if (made) done(made);
    },
    onError: tellRefusal,
  });

  const why =
    from === to
      ? 'Choose two environments.'
      : orders.length === 0
        ? `None of these apps is released in ${from}.`
        : plans.some(({ isPending }) => isPending)
          ? 'The plans are being made.'
          : good.length === 0
            ? 'None can be planned; the plans say why.'
            : shared && good.length < orders.length
              ? 'All of them go, or none: leave out what cannot be planned.'
              : undefined;
  const submit = () => {
    if (right.allowed && !why && !create.isPending) create.mutate();
  };
  const object = shared ? newReleaseSet(together, there, shared, said) : orders.map((order) => newRelease(order));
  const names = [...new Set([...cards.map(({ name }) => name), from, to])];

  return (
    <Drawer
      opened
      onClose={close}
      position="right"
      size={760}
      title={`Promote ${together.apps.length} ${together.apps.length === 1 ? 'app' : 'apps'}`}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
      }}
    >
      {!right.allowed && (
        <Alert color="gray" mb="md" title="You can look, not release">
          {right.text}
        </Alert>
      )}
      <Group grow>
        <NativeSelect
          label="From"
          value={from}
          data={names}
          onChange={(event) => change({ ...together, from: event.currentTarget.value })}
        />
        <NativeSelect
          label="To"
          value={to}
          data={names}
          onChange={(event) => change({ ...together, to: event.currentTarget.value })}
        />
      </Group>
      {found.isPending && <Loading />}
      {found.error ? <Failure error={found.error} again={() => void found.refetch()} /> : null}
      {found.data && (
        <>
          <ul className="release-list together-list" aria-label="Apps">
            {members.map(({ app, version, now, not }) => (
              <li key={app} className="release-option">
                <strong className="ellipsis">{app}</strong>
                <Text span size="sm" c={not ? undefined : 'dimmed'} className="together-what">
                  {not ?? (
                    <>
                      <span className="mono">{now ?? 'new'}</span> <IconArrowRight size={13} aria-label="becomes" />{' '}
                      <span className="mono">{version}</span>
                    </>
                  )}
                </Text>
                <ActionIcon
                  size="sm"
                  variant="subtle"
                  color="gray"
                  aria-label={`Leave ${app} out`}
                  disabled={members.length === 1}
                  onClick={() => change({ ...together, apps: together.apps.filter((each) => each !== app) })}
                >
                  <IconX size={14} />
                </ActionIcon>
              </li>
            ))}
          </ul>
          <Text size="sm" c="dimmed" className="wrap">
            {shared
              ? `All are of the artifact ${shared.name}: they become one ReleaseSet, in one commit, all of them or none.`
              : there.length > 1 &&
                'They are not of one artifact: each becomes a Release of its own, and goes whatever becomes of the others.'}
          </Text>
          <ReasonField mt="md" description="Goes into the commit." value={reason} onChange={setReason} />
          <section className="release-plans" aria-label="Plan">
            {orders.map(({ app }, index) => (
              <PlanOf
                key={app}
                name={app}
                plan={plans[index]}
                card={cards.find(({ name }) => name === to)}
                rollback={false}
                open={orders.length === 1}
              />
            ))}
            {orders.length === 0 && <Empty>There is nothing to plan: {why}</Empty>}
          </section>
          {shared ? (
            <Text size="xs" c="dimmed" mb="md">
              A ReleaseSet expects no base: it goes on top of whatever is released when all of it is ready. A newer
              release of one of the apps ends it as long as it waits.
            </Text>
          ) : (
            orders.length > 0 && (
              <ExpectedBase expected={expected} onChange={setExpected} bases={there.map(({ base }) => base)} />
            )
          )}
          <DialogFoot
            sticks
            onClose={close}
            close="Close"
            beside={
              orders.length > 0 && (
                <CopyAs
                  object={object}
                  cli={shared && setCommand(namespace, newReleaseSet(together, there, shared, said).spec)}
                  kubectl={(yaml) => kubectlCreate(namespace, yaml)}
                />
              )
            }
          >
            <Guarded right={right} unless={why} onClick={submit} size="sm" loading={create.isPending}>
              {shared
                ? `Create ReleaseSet of ${orders.length} apps`
                : `Create ${good.length} ${good.length === 1 ? 'release' : 'releases'}`}
              <Kbd size="xs" ml={8} className="from-700">
                Ctrl ↵
              </Kbd>
            </Guarded>
          </DialogFoot>
        </>
      )}
    </Drawer>
  );
}
