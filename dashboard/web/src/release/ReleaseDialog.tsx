import { Alert, Drawer, Kbd } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { Problem, post } from '~/api/http';
import { pathOf, type Release } from '~/api/kinds';
import { toRelease, useMe, useRight } from '~/api/rights';
import type { EnvironmentCard } from '~/api/server';
import { type Act, actToText } from '~/domain/act';
import { cliCommand, kubectlCreate, newRelease, type Order } from '~/domain/releaseSpec';
import { useOverview } from '~/live/scopes';
import { useValues } from '~/live/useFeed';
import { CopyAs } from '~/parts/CopyAs';
import { DialogFoot } from '~/parts/DialogFoot';
import { Guarded } from '~/parts/Guarded';
import { ReasonField } from '~/parts/ReasonField';
import { tellRefusal } from '~/parts/refused';
import { Failure, Loading } from '~/parts/states';
import { type Candidate, whyNot } from './candidates';
import { ExpectedBase } from './ExpectedBase';
import { PlanOf } from './PlanOf';
import { usePlans } from './plans';
import { TargetPick } from './TargetPick';
import { useChoices } from './useChoices';
import { VersionPick } from './VersionPick';
import './release.css';

const titles = {
  release: 'Release',
  promote: 'Promote',
  rollback: 'Roll back',
  adopt: 'Adopt the hand-made change of',
} as const;

/** What the button says for one release. */
const buttons = {
  release: 'Create release',
  promote: 'Create release',
  rollback: 'Roll back',
  adopt: 'Adopt',
} as const;

/** Reasons that were begun, kept while the page lives. */
const drafts = new Map<string, string>();

/** Returns the environments that an action goes to. */
const targetsOf = (act: Act) =>
  act.kind === 'rollback' || act.kind === 'adopt' ? [act.environment] : act.environments;

/** Returns the version that an action has chosen. */
function chosen(act: Act, candidates: readonly Candidate[]): Candidate | undefined {
  if (act.kind === 'promote' || act.kind === 'adopt') return candidates[0];
  const wanted = act.kind === 'rollback' ? act.to : act.artifact;
  return wanted ? candidates.find(({ id }) => id === wanted) : candidates[0];
}

/** The one way to release, promote and roll back: what, where to, why, and what it changes before it is done. */
export function ReleaseDialog({ act }: { act: Act }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { ns } = useSearch({ strict: false });
  const { namespace, app } = act;
  const draft = `${namespace}/${app}`;
  const [reason, setReason] = useState(drafts.get(draft) ?? '');
  const [lock, setLock] = useState(true);
  const right = useRight(toRelease(namespace));
  const me = useMe();
  const choices = useChoices(act);
  const cards = useValues<EnvironmentCard>(useOverview(ns), 'env:').filter((card) => card.namespace === namespace);

  const rollback = act.kind === 'rollback';
  const needsReason = rollback || act.kind === 'adopt';
  const candidate = chosen(act, choices.candidates);
  const targets = targetsOf(act).filter((environment) => !whyNot(candidate, environment));
  const baseOf = (environment: string) =>
    choices.apps.find(({ spec }) => spec.environment === environment)?.status?.current?.commit;
  const orders: Order[] = candidate
    ? targets.map((environment) => ({
        namespace,
        app,
        environment,
        source: candidate.source,
        reason,
        requestedBy: me.data?.user,
        expectedBase: lock ? baseOf(environment) : undefined,
      }))
    : [];
  const plans = usePlans(right.allowed ? orders : []);
  const good = orders.filter((_, index) => plans[index]?.data);
  const busy = plans.some(({ isPending }) => isPending);

  const change = (next: Act) =>
    void navigate({ to: '.', replace: true, search: (old) => ({ ...old, act: actToText(next) }) });
  const close = () => void navigate({ to: '.', search: (old) => ({ ...old, act: undefined }) });

  const create = useMutation({
    mutationFn: (planOnly: boolean) =>
      Promise.allSettled(
        good.map((order) => post<Release>(pathOf('releases', namespace), newRelease({ ...order, planOnly }))),
      ),
    onSuccess: (answers, planOnly) => {
      const made = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
      for (const error of refused) {
        if (error instanceof Problem && error.status === 403) void queries.invalidateQueries({ queryKey: ['right'] });
        tellRefusal(error);
      }
      const [first] = made;
      if (!first) return;
      // What is only planned may be released yet, with the same reason.
      if (!planOnly) drafts.delete(draft);
      const { name } = first.metadata;
      if (made.length === 1) {
        void navigate({ to: '/releases/$namespace/$name', params: { namespace, name }, search: { ns } });
      } else {
        notifications.show({ message: `${made.length} releases created` });
        void navigate({ to: '/', search: { ns, q: app } });
      }
    },
  });

  const why = whyDisabled(candidate, orders, good, busy, needsReason && !reason.trim());
  const submit = () => {
    if (right.allowed && !why && !create.isPending) create.mutate(false);
  };
  const [only] = orders;
  const example = only && newRelease(only);

  return (
    <Drawer
      opened
      onClose={close}
      position="right"
      size={760}
      title={`${titles[act.kind]} ${app}`}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
      }}
    >
      {!right.allowed && (
        <Alert color="gray" mb="md" title="You can look, not release">
          {right.text}
        </Alert>
      )}
      {choices.pending && <Loading />}
      {choices.error ? <Failure error={choices.error} again={choices.again} /> : null}
      {!choices.pending && !choices.error && (
        <>
          <VersionPick act={act} candidates={choices.candidates} candidate={candidate} onChange={change} />
          {(act.kind === 'release' || act.kind === 'promote') && (
            <TargetPick act={act} cards={cards} candidate={candidate} onChange={change} />
          )}
          <ReasonField
            mt="md"
            description={
              needsReason ? 'Required. Commit, notifications and audit log say it.' : 'Goes into the commit.'
            }
            required={needsReason}
            value={reason}
            onChange={(reason) => {
              setReason(reason);
              drafts.set(draft, reason);
            }}
          />
          <section className="release-plans" aria-label="Plan">
            {orders.map(({ environment }, index) => (
              <PlanOf
                key={environment}
                name={environment}
                plan={plans[index]}
                card={cards.find(({ name }) => name === environment)}
                rollback={rollback}
                open={orders.length === 1}
              />
            ))}
          </section>
          {rollback && (
            <Alert color="gray" variant="light" mb="md" p="xs">
              A rollback commits again what was recorded; nothing is rendered anew. The app is then on hold, so that no
              policy brings the newer version back.
            </Alert>
          )}
          <ExpectedBase expected={lock} onChange={setLock} bases={targets.map(baseOf)} />
          <DialogFoot
            sticks
            onClose={close}
            close="Close"
            beside={
              example &&
              only && (
                <CopyAs
                  object={example}
                  cli={cliCommand(namespace, example.spec)}
                  kubectl={(yaml) => kubectlCreate(namespace, yaml)}
                />
              )
            }
          >
            <Guarded
              right={right}
              unless={why ?? (good.length > 1 && 'Choose one environment: a plan has a page of its own.')}
              variant="default"
              size="sm"
              onClick={() => create.mutate(true)}
              loading={create.isPending && create.variables}
            >
              Plan only
            </Guarded>
            <Guarded right={right} unless={why} onClick={submit} size="sm" loading={create.isPending}>
              {good.length > 1 ? `Create ${good.length} releases` : buttons[act.kind]}
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

/** Says what is missing before it can be done. */
function whyDisabled(
  candidate: Candidate | undefined,
  orders: Order[],
  good: Order[],
  busy: boolean,
  needsReason: boolean,
): string | undefined {
  if (!candidate) return 'Choose a version first.';
  if (orders.length === 0) return 'Choose where it goes first.';
  if (busy) return 'The plan is being made.';
  if (good.length === 0) return 'It cannot be planned; the plan says why.';
  return needsReason ? 'Write a reason first: people and the audit log will read it.' : undefined;
}
