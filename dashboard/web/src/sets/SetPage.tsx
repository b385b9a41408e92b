import { Alert, Button, Group, Text } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import { condition, creatorOf, type Release, type ReleaseSet } from '~/api/kinds';
import { deedOfSet, linesOf, type SetLine, setAgain, setCommand, sharedVersion } from '~/domain/releaseSet';
import { kubectlCreate } from '~/domain/releaseSpec';
import { wordOfPhase } from '~/domain/words';
import { useSetScope } from '~/live/scopes';
import { useFeedStatus, useValue, useValues } from '~/live/useFeed';
import { Age } from '~/parts/Age';
import { Boundary } from '~/parts/Boundary';
import { CopyAs } from '~/parts/CopyAs';
import { Empty, Failure, Loading, Sha } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { YamlButton } from '~/parts/YamlButton';
import { SetDecisions } from './SetDecisions';
import { SetPlans } from './SetPlans';
import { SetReleases } from './SetReleases';
import './set.css';

/** Several apps in one commit: who, why, and how each of them is on its way. */
export function SetPage() {
  const { namespace = '', name = '' } = useParams({ strict: false });
  const feed = useSetScope(namespace, name);
  const status = useFeedStatus(feed);
  const set = useValue<ReleaseSet>(feed, `set:${namespace}/${name}`);
  const releases = useValues<Release>(feed, 'release:');
  if (!set) {
    if (status.problem) return <Failure error={status.problem} again={() => void feed.reload()} />;
    if (!status.loaded) return <Loading lines={10} />;
    return (
      <Empty
        next={
          <Button component={Link} to="/audit" variant="default">
            To the audit log
          </Button>
        }
      >
        There is no ReleaseSet {name} in {namespace}. Git has the releases of one that was tidied away, each by itself.
      </Empty>
    );
  }
  return (
    <div className={status.problem ? 'stale' : undefined}>
      {status.problem && <Failure error={status.problem} again={() => void feed.reload()} kept={status.at} />}
      <Found set={set} lines={linesOf(set, releases)} />
    </div>
  );
}

function Found({ set, lines }: { set: ReleaseSet; lines: SetLine[] }) {
  const { metadata, spec, status } = set;
  const { namespace, name } = metadata;
  const { phase, total = lines.length } = status ?? {};
  const ready = condition(status?.conditions, 'Ready');
  const word = wordOfPhase(phase);
  return (
    <>
      <div className="page-head">
        <div>
          <h1>
            {total > 0 ? `${total} ${total === 1 ? 'app' : 'apps'}` : 'Apps'} →{' '}
            <Link
              to="/environments/$namespace/$name"
              params={{ namespace, name: spec.environment }}
              search={({ ns }) => ({ ns })}
              className="quiet-link"
            >
              {spec.environment}
            </Link>
            <span className="mono">{sharedVersion(lines)}</span>
            <WordMark word={word}>{phase ?? 'Pending'}</WordMark>
          </h1>
          <Text size="sm" c="dimmed" className="wrap">
            {deedOfSet(spec)} together by {creatorOf(set) ?? 'somebody'} <Age time={metadata.creationTimestamp} ago />
            {spec.reason && ` · “${spec.reason}”`}
          </Text>
        </div>
        <Group gap="xs">
          <SetDecisions set={set} lines={lines} />
          <CopyAs
            keys
            object={setAgain(set)}
            cli={setCommand(namespace, spec)}
            kubectl={(yaml) => kubectlCreate(namespace, yaml)}
          />
          <YamlButton title={`ReleaseSet ${name}`} object={set} />
        </Group>
      </div>
      {word === 'Failed' && ready && (
        <Alert color="red" variant="light" title={phase} mb="md" role="alert">
          <Text size="sm" className="wrap">
            {ready.message}
          </Text>
        </Alert>
      )}
      {word !== 'Failed' && ready && (
        <Text size="sm" mb="md" className="wrap">
          {ready.message}
        </Text>
      )}
      <div className="columns set-columns">
        <SetReleases namespace={namespace} lines={lines} />
        <section className="panel" aria-label="Facts">
          <header>
            <h2>Facts</h2>
          </header>
          <div className="panel-body">
            <Facts set={set} />
          </div>
        </section>
      </div>
      <Boundary what="The plans">
        <SetPlans lines={lines} />
      </Boundary>
    </>
  );
}

function Facts({ set: { metadata, spec, status } }: { set: ReleaseSet }) {
  const { commit, ready, total, leftOut, timestamps } = status ?? {};
  const facts: [string, React.ReactNode][] = [
    [
      'Name',
      <span key="name" className="mono">
        {metadata.name}
      </span>,
    ],
    ['Artifact', spec.artifact?.name],
    ['Puts back', spec.rollbackTo?.commit ?? spec.rollbackTo?.time],
    ['Ready', total ? `${ready ?? 0} of ${total}` : undefined],
    ['Commit', commit && <Sha key="commit" id={commit.sha} href={commit.url} />],
    ['Branch', commit?.branch],
    ['Committed', timestamps?.committed && <Age key="committed" time={timestamps.committed} ago />],
    ['Ended', timestamps?.ended && <Age key="ended" time={timestamps.ended} ago />],
    ['Left as they are', leftOut?.join(', ')],
    ['Trigger', spec.trigger],
  ];
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => [<dt key={`${name} name`}>{name}</dt>, <dd key={name}>{value}</dd>])}
    </dl>
  );
}
