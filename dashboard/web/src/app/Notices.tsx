import { Alert, Group, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { patch } from '~/api/http';
import { type App, condition, isSilent, pathOf, type Release } from '~/api/kinds';
import { toRelease, useRight } from '~/api/rights';
import { readHistory } from '~/api/views';
import { type Act, actToText } from '~/domain/act';
import { holdPatch, kubectlHold } from '~/domain/hold';
import { dayTime } from '~/domain/time';
import { wordOfPhase } from '~/domain/words';
import { CopyAs } from '~/parts/CopyAs';
import { Guarded } from '~/parts/Guarded';
import { tellRefusal } from '~/parts/refused';
import { WordMark } from '~/parts/WordMark';
import { Decisions } from '~/release/Decisions';

/** What a person should know of an app before anything else: what waits, what holds it, what differs. */
export function Notices({ app, releases }: { app: App; releases: readonly Release[] }) {
  const { namespace, name } = app.metadata;
  const { spec, status } = app;
  const right = useRight({ verb: 'patch', resource: 'apps', namespace, name });
  const change = useMutation({
    mutationFn: (spec: Record<string, unknown>) => patch<App>(pathOf('apps', namespace, name), { spec }),
    onError: tellRefusal,
  });
  const pending = releases.find(({ metadata }) => metadata.name === status?.pending);
  return (
    <>
      {status?.pending && (
        <Alert variant="light" color="violet" mb="sm" p="sm">
          <Group justify="space-between" gap="xs">
            <Text size="sm" className="wrap" flex="1 1 240px">
              <WordMark word={wordOfPhase(pending?.status?.phase)}>{pending?.status?.phase ?? 'On its way'}</WordMark>{' '}
              <Link to="/releases/$namespace/$name" params={{ namespace, name: status.pending }} className="text-link">
                {status.pending}
              </Link>{' '}
              {pending?.status?.version && <span className="mono">{pending.status.version} </span>}
              {pending?.status?.blockedBy?.map(({ reason }) => reason).join(' · ') ||
                condition(pending?.status?.conditions, 'Ready')?.message}
            </Text>
            {pending && <Decisions key={pending.metadata.name} release={pending} />}
          </Group>
        </Alert>
      )}
      {spec.hold && (
        <Alert variant="light" color="violet" mb="sm" p="sm">
          <Group justify="space-between" gap="xs">
            <Text size="sm" className="wrap" flex="1 1 240px">
              <WordMark word="Waiting">On hold</WordMark> {spec.hold.reason}. A release of a person with a reason goes
              through; policies wait.
            </Text>
            <CopyAs object={holdPatch()} kubectl={() => kubectlHold(app, holdPatch())} />
            <Guarded
              right={right}
              variant="default"
              loading={change.isPending}
              onClick={() => change.mutate(holdPatch().spec)}
            >
              Remove the hold
            </Guarded>
          </Group>
        </Alert>
      )}
      {spec.lock && (
        <Alert variant="light" color="violet" mb="sm" p="sm">
          <Group justify="space-between" gap="xs">
            <Text size="sm" className="wrap" flex="1 1 240px">
              <WordMark word="Waiting">Locked</WordMark> {spec.lock.reason}
              {spec.lock.until && `, until ${dayTime(spec.lock.until)}`}
            </Text>
            <Guarded
              right={right}
              variant="default"
              loading={change.isPending}
              onClick={() => change.mutate({ lock: null })}
            >
              Unlock
            </Guarded>
          </Group>
        </Alert>
      )}
      {status?.drift?.git && <DriftNotice app={app} text={status.drift.git} />}
      {status?.live?.state === 'Failed' && status.live.message && !isSilent(app) && (
        <Alert variant="light" color="red" mb="sm" p="sm" role="alert">
          <Text size="sm" className="wrap">
            <WordMark word="Failed" /> {status.live.message}
          </Text>
        </Alert>
      )}
    </>
  );
}

/** Says what differs from the release in git, and offers both ways out. */
function DriftNotice({ app, text }: { app: App; text: string }) {
  const { namespace } = app.metadata;
  const { app: name, environment } = app.spec;
  const navigate = useNavigate();
  const right = useRight(toRelease(namespace));
  const current = app.status?.current;
  const log = useQuery({
    queryKey: ['handMade', namespace, environment, name, text],
    queryFn: () => readHistory(namespace, environment, { app: name, limit: 10 }),
  });
  const newest = log.data?.items[0];
  const commit = newest && !newest.action ? newest.commit : undefined;
  const act = (act: Act) => void navigate({ to: '.', search: (old) => ({ ...old, act: actToText(act) }) });
  return (
    <Alert variant="light" color="yellow" mb="sm" p="sm">
      <Group justify="space-between" gap="xs">
        <Text size="sm" className="wrap" flex="1 1 240px">
          <WordMark word="Drifted" /> {text}
        </Text>
        {commit && (
          <Guarded
            right={right}
            variant="default"
            onClick={() => act({ kind: 'adopt', namespace, app: name, environment, commit })}
          >
            Adopt…
          </Guarded>
        )}
        {current && (
          <Guarded
            right={right}
            variant="default"
            onClick={() => act({ kind: 'rollback', namespace, app: name, environment, to: current.name })}
          >
            Restore…
          </Guarded>
        )}
      </Group>
    </Alert>
  );
}
