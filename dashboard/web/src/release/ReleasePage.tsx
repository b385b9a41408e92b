import { Alert, Anchor, Group, Text } from '@mantine/core';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useRef } from 'react';
import { condition, creatorOf, type Release } from '~/api/kinds';
import { toRelease, useRight } from '~/api/rights';
import { type Act, actToText } from '~/domain/act';
import { actAgain, actionOf, again, cliCommand, kubectlCreate } from '~/domain/releaseSpec';
import { absolute, clockTime } from '~/domain/time';
import { isBeforeGit, wordOfPhase } from '~/domain/words';
import { useReleaseScope } from '~/live/scopes';
import { useFeedStatus, useValue } from '~/live/useFeed';
import { Age } from '~/parts/Age';
import { Boundary } from '~/parts/Boundary';
import { CopyAs } from '~/parts/CopyAs';
import { Guarded } from '~/parts/Guarded';
import { useKeys } from '~/parts/keys';
import { Failure, Loading, Outside, Sha } from '~/parts/states';
import { WordIcon, WordMark } from '~/parts/WordMark';
import { YamlButton } from '~/parts/YamlButton';
import { Decisions } from './Decisions';
import { FailedLog } from './FailedLog';
import { FromGit } from './FromGit';
import { ReleaseTabs, type TabsHandle } from './ReleaseTabs';
import { stepsOf, totalOf } from './timeline';
import './release.css';

/** One attempt, from its start to its end. */
export function ReleasePage() {
  const { namespace = '', name = '' } = useParams({ strict: false });
  const feed = useReleaseScope(namespace, name);
  const status = useFeedStatus(feed);
  const release = useValue<Release>(feed, `release:${namespace}/${name}`);
  if (!release) {
    if (status.loaded && !status.problem) {
      return <FromGit key={`${namespace}/${name}`} namespace={namespace} name={name} />;
    }
    if (status.problem) return <Failure error={status.problem} again={() => void feed.reload()} />;
    return <Loading lines={10} />;
  }
  return (
    <div className={status.problem ? 'stale' : undefined}>
      {status.problem && <Failure error={status.problem} again={() => void feed.reload()} kept={status.at} />}
      <Found release={release} />
    </div>
  );
}

function Found({ release }: { release: Release }) {
  const navigate = useNavigate();
  const { metadata, spec, status } = release;
  const { namespace, name } = metadata;
  const { app, environment } = spec;
  const phase = status?.phase;
  const tabs = useRef<TabsHandle>(null);
  const message = condition(status?.conditions, 'Ready')?.message;
  const total = totalOf(release);
  const right = useRight(toRelease(namespace));
  const open = (act: Act) => void navigate({ to: '.', search: (old) => ({ ...old, act: actToText(act) }) });
  const rollback = () => open({ kind: 'rollback', namespace, app, environment });
  const retry = actAgain(release);
  useKeys([
    { key: 'd', label: 'difference', run: () => tabs.current?.showChanges() },
    { key: 'b', label: 'roll back', run: rollback },
  ]);
  const wentWrong = phase === 'Failed' || phase === 'Rejected';
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
            <span className="mono">{status?.version}</span>
            <WordMark word={wordOfPhase(phase)}>{phase ?? 'Pending'}</WordMark>
          </h1>
          <Text size="sm" c="dimmed" className="wrap">
            {actionOf(spec)} by {creatorOf(release) ?? 'somebody'} <Age time={metadata.creationTimestamp} ago />
            {spec.reason && ` · “${spec.reason}”`}
          </Text>
        </div>
        <Group gap="xs">
          <Decisions release={release} />
          {!isBeforeGit(phase) && !spec.planOnly && (
            <Guarded right={right} variant="default" onClick={rollback}>
              Roll back {app}…
            </Guarded>
          )}
          {retry && (
            <Guarded right={right} variant="default" onClick={() => open(retry)}>
              {spec.planOnly ? 'Release it…' : 'Try again…'}
            </Guarded>
          )}
          <CopyAs
            keys
            object={again(release)}
            cli={cliCommand(namespace, spec)}
            kubectl={(yaml) => kubectlCreate(namespace, yaml)}
          />
          <YamlButton title={`Release ${name}`} object={release} />
        </Group>
      </div>
      {wentWrong && message && (
        <Alert color="red" variant="light" title={phase} mb="md" role="alert">
          <Text size="sm" className="wrap">
            {message}
          </Text>
          <Text size="sm" mt={4}>
            {status?.commit
              ? 'It is in git. It becomes Healthy by itself if the workloads recover; else roll back.'
              : 'Nothing was committed. Mend the cause, and release again.'}
          </Text>
        </Alert>
      )}
      {phase === 'Failed' && status?.commit && (
        <Boundary what="The end of the log">
          <FailedLog release={release} />
        </Boundary>
      )}
      <div className="columns">
        <section className="panel" aria-label="Timeline">
          <header>
            <h2>Timeline</h2>
            {total && (
              <Text size="xs" c="dimmed">
                {total}
              </Text>
            )}
          </header>
          <ol className="timeline">
            {stepsOf(release).map(({ name, word, time, text }) => (
              <li
                key={name}
                data-reached={word !== undefined}
                aria-current={word === 'Progressing' ? 'step' : undefined}
              >
                <WordIcon word={word ?? 'Ended'} quiet />
                <span className="step-name">{name}</span>
                <Clock time={time} />
                <span className="wrap">
                  {text.map((line) => (
                    <div key={line}>{line}</div>
                  ))}
                </span>
              </li>
            ))}
          </ol>
        </section>
        <section className="panel" aria-label="Facts">
          <header>
            <h2>Facts</h2>
          </header>
          <div className="panel-body">
            <ReleaseFacts release={release} />
          </div>
        </section>
      </div>
      <Boundary what="The content">
        <ReleaseTabs release={release} handle={tabs} />
      </Boundary>
    </>
  );
}

function Clock({ time }: { time: string | undefined }) {
  if (!time) return <span className="step-time">—</span>;
  return (
    <time dateTime={time} title={absolute(time)}>
      {clockTime(time)}
    </time>
  );
}

/** A digest, whole for whoever compares it. */
function Digest({ text }: { text: string }) {
  return <span className="mono wrap">{text}</span>;
}

function ReleaseFacts({ release: { metadata, spec, status } }: { release: Release }) {
  const { namespace } = metadata;
  const facts: [string, React.ReactNode][] = [
    [
      'Name',
      <span key="name" className="mono">
        {metadata.name}
      </span>,
    ],
    ['Artifact', status?.artifact?.name ?? spec.artifact?.name],
    ['Promoted from', spec.promoteFrom?.environment],
    ['Puts back', spec.rollbackTo?.release ?? spec.rollbackTo?.commit ?? spec.rollbackTo?.time],
    ['Adopts', spec.adopt?.commit],
    ['Chart', status?.chart && `${status.chart.name} ${status.chart.version}`],
    ['Chart digest', status?.chart && <Digest key="chart" text={status.chart.digest} />],
    ['Plan digest', status?.plan && <Digest key="plan" text={status.plan.digest} />],
    ['Commit', status?.commit && <Sha key="commit" id={status.commit.sha} href={status.commit.url} />],
    ['Folder', status?.commit?.path],
    ['Approved by', status?.approvedBy?.join(', ')],
    ['Trigger', spec.trigger],
    [
      'Set',
      spec.set && (
        <Link
          key="set"
          to="/sets/$namespace/$name"
          params={{ namespace, name: spec.set }}
          search={({ ns }) => ({ ns })}
          className="text-link"
        >
          {spec.set}
        </Link>
      ),
    ],
    ['Expected base', spec.expectedBase && <Sha key="base" id={spec.expectedBase} />],
    [
      'Source',
      spec.version?.url && (
        <Outside key="source" href={spec.version.url}>
          {spec.version.sha?.slice(0, 7)}
        </Outside>
      ),
    ],
    [
      'Set off',
      status?.setsOff?.length
        ? status.setsOff.map((name) => (
            <div key={name}>
              <Anchor
                inherit
                renderRoot={(props) => <Link to="/releases/$namespace/$name" params={{ namespace, name }} {...props} />}
              >
                {name}
              </Anchor>
            </div>
          ))
        : undefined,
    ],
  ];
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => [<dt key={`${name} name`}>{name}</dt>, <dd key={name}>{value}</dd>])}
    </dl>
  );
}
