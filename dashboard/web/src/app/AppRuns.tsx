import { Alert, Button, Group, Text } from '@mantine/core';
import { useAgentActRight } from '~/api/agentRights';
import type { Cause, CronTimes, FluxItem, Pod, Running, Workload } from '~/api/agents';
import type { Right } from '~/api/server';
import { lastRun, nextRun } from '~/domain/cron';
import { groupPods, wordOfPod } from '~/domain/pods';
import { absolute, nearTime } from '~/domain/time';
import { type Sample, seriesOf } from '~/domain/usage';
import { wordOfFlux } from '~/domain/words';
import { Age, useNow } from '~/parts/Age';
import { Outside } from '~/parts/states';
import { WordIcon, WordMark } from '~/parts/WordMark';
import { type Place, ReconcileButton, RestartButton, ResumeButton } from './AgentButtons';
import { UsageLines, useUsage } from './Usage';

interface Props {
  running: Running;
  place: Place;
  /** Shows the logs of a pod; not where its agent does not read them. */
  onLogs: ((pod: string) => void) | undefined;
}

/** What runs of an app in the cluster of an agent: workloads, pods, links, and what is wrong with them. */
export function AppRuns({ running, place, onLogs }: Props) {
  const { state, silent, blind } = running;
  const { workloads = [], pods = [], links = [], alerts = [], flux = [], omittedPods = 0 } = state;
  const toRestart = useAgentActRight(running, place.namespace, place.environment, 'restart');
  const toReconcile = useAgentActRight(running, place.namespace, place.environment, 'reconcileFlux');
  const toResume = useAgentActRight(running, place.namespace, place.environment, 'resumeFlux');
  const usage = useUsage(place, state.app, running.can.includes('usage') && !silent);
  const firing = alerts.filter(({ phase }) => phase === 'firing');
  const { own, others } = groupPods(workloads, pods);
  return (
    <section className="panel app-runs" aria-label="Runs">
      <header>
        <h2>Workloads</h2>
        <span className="app-links">
          {links.map(({ kind, name, url }) => (
            <Outside key={`${kind}/${name}/${url}`} href={url}>
              {url}
            </Outside>
          ))}
        </span>
      </header>
      {silent && (
        <Alert variant="light" color="yellow" m="sm" p="sm" role="status">
          <Text size="sm">
            <WordMark word="Unknown">The agent is silent.</WordMark> This is what it said <Age time={silent} ago />.
          </Text>
        </Alert>
      )}
      {blind && !silent && (
        <Alert variant="light" color="yellow" m="sm" p="sm" role="status">
          <Text size="sm" className="wrap">
            <WordMark word="Unknown">The agent does not see its cluster.</WordMark> This is how it was{' '}
            <Age time={blind.since} ago />. {blind.message}
          </Text>
        </Alert>
      )}
      {flux
        .filter(({ suspended }) => suspended)
        .map((item) => (
          <Alert key={`${item.kind}/${item.name}`} variant="light" color="violet" m="sm" p="sm" role="status">
            <Group justify="space-between" gap="xs">
              <Text size="sm" className="wrap" flex="1 1 240px">
                <WordMark word="Waiting">Suspended</WordMark> Flux leaves {item.kind}{' '}
                <span className="mono">{`${item.namespace}/${item.name}`}</span> alone: what is released reaches git,
                and not the cluster.
              </Text>
              <ResumeButton place={place} item={item} right={toResume} />
            </Group>
          </Alert>
        ))}
      {firing.map(({ rule, object, message, since }) => (
        <Alert key={`${rule} ${object}`} variant="light" color="red" m="sm" p="sm" role="alert">
          <Text size="sm" className="wrap">
            <WordMark word="Failed">{rule}</WordMark> {object}: {message} · for <Age time={since} />
          </Text>
        </Alert>
      ))}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <section className={silent || blind ? 'scroll-x stale' : 'scroll-x'} aria-label="Workloads and pods" tabIndex={0}>
        <table className="data">
          <thead>
            <tr>
              <th>Workload, pod</th>
              <th>Ready</th>
              {usage && <th>CPU, memory</th>}
              <th>Restarts</th>
              <th>Age</th>
              <th>Node</th>
              <th>
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          {own.map(({ workload, pods }) => (
            <tbody key={`${workload.kind}/${workload.name}`}>
              <WorkloadRow
                workload={workload}
                pods={pods}
                usage={usage}
                place={place}
                inNamespace={state.namespace}
                right={toRestart}
              />
              {pods.map((pod) => (
                <PodRow key={pod.name} pod={pod} usage={usage} onLogs={onLogs} />
              ))}
            </tbody>
          ))}
          {others.length > 0 && (
            <tbody>
              {others.map((pod) => (
                <PodRow key={pod.name} pod={pod} usage={usage} onLogs={onLogs} />
              ))}
            </tbody>
          )}
        </table>
      </section>
      {flux.length > 0 && (
        <div className="app-flux">
          <ul aria-label="Flux" className={silent ? 'stale' : undefined}>
            {flux.map((item) => (
              <FluxRow key={`${item.kind}/${item.namespace}/${item.name}`} item={item} />
            ))}
          </ul>
          <ReconcileButton place={place} items={flux} right={toReconcile} />
        </div>
      )}
      {workloads.length + pods.length === 0 && (
        <Text size="sm" c="dimmed" className="panel-body">
          Nothing runs of it. {state.cause?.message}
        </Text>
      )}
      {omittedPods > 0 && (
        <Text size="sm" c="dimmed" className="panel-body">
          {omittedPods} more pods are not listed.
        </Text>
      )}
    </section>
  );
}

function WorkloadRow({
  workload,
  pods,
  usage,
  place,
  inNamespace,
  right,
}: {
  workload: Workload;
  pods: readonly Pod[];
  usage: readonly Sample[] | undefined;
  place: Place;
  inNamespace: string;
  right: Right;
}) {
  const { kind, name, ready, wanted, updated, images, autoscalers = [], cron, word, cause } = workload;
  return (
    <tr className="workload">
      <th scope="rowgroup">
        <WordMark word={cron?.suspended ? 'Waiting' : word} size={15}>
          {kind} {name}
        </WordMark>
        {cron && <Runs workload={workload} cron={cron} />}
        <Why cause={cause} />
        <span className="mono app-images">{images.join(' ')}</span>
        {autoscalers.map(({ name, min, max, desired, message }) => (
          <Text key={name} size="xs" c="dimmed" className="wrap">
            scaled between {min} and {max}, wants {desired}
            {message && `: ${message}`}
          </Text>
        ))}
      </th>
      <td>
        {cron ? updated > 0 && `${updated} running` : `${ready}/${wanted}`}
        {updated < wanted && ` · ${updated} updated`}
      </td>
      {usage && (
        <td>
          <UsageLines
            series={seriesOf(
              usage,
              pods.map(({ name }) => name),
            )}
            of={`${kind} ${name}`}
          />
        </td>
      )}
      <td />
      <td />
      <td />
      <td className="app-act">
        <RestartButton place={place} workload={workload} inNamespace={inNamespace} right={right} />
      </td>
    </tr>
  );
}

/** When a CronJob ran last, how that went, and when it runs next. */
function Runs({ workload, cron }: { workload: Workload; cron: CronTimes }) {
  const now = useNow();
  const last = lastRun(workload);
  const next = nextRun(cron, now);
  const { schedule, timeZone } = cron;
  return (
    <span className="app-cron">
      {last ? (
        <span>
          last <WordIcon word={last.word} size={13} />{' '}
          <time dateTime={last.time} title={absolute(last.time)}>
            {nearTime(last.time, now)}
          </time>
        </span>
      ) : (
        <span>never ran</span>
      )}
      {cron.suspended ? (
        <span>suspended</span>
      ) : (
        next && (
          <span>
            next{' '}
            <time dateTime={next} title={absolute(next)}>
              {nearTime(next, now)}
            </time>
          </span>
        )
      )}
      <span
        className="mono"
        title={timeZone ? undefined : 'It names no time zone: UTC is taken for that of the cluster.'}
      >
        {schedule} {timeZone}
      </span>
    </span>
  );
}

interface PodProps {
  pod: Pod;
  usage: readonly Sample[] | undefined;
  onLogs: Props['onLogs'];
}

function PodRow({ pod, usage, onLogs }: PodProps) {
  const { name, phase, restarts, created, node, cause, containers = [] } = pod;
  const running = containers.filter(({ init }) => !init);
  const said = containers.find(({ last }) => last?.message)?.last?.message;
  return (
    <tr>
      <td className="pod">
        <WordMark word={wordOfPod(pod)} size={13}>
          <span className="mono">{name}</span>
        </WordMark>
        <Why cause={cause} />
        {cause && said && <pre className="said">{said}</pre>}
      </td>
      <td>{running.length > 0 ? `${running.filter((each) => each.ready).length}/${running.length}` : phase}</td>
      {usage && (
        <td>
          <UsageLines series={seriesOf(usage, [name])} of={`pod ${name}`} />
        </td>
      )}
      <td>{restarts}</td>
      <td>
        <Age time={created} />
      </td>
      <td className="mono">{node ?? '—'}</td>
      <td className="app-act">
        {onLogs && (
          <Button size="compact-xs" variant="default" aria-label={`Logs of ${name}`} onClick={() => onLogs(name)}>
            Logs
          </Button>
        )}
      </td>
    </tr>
  );
}

function FluxRow({ item }: { item: FluxItem }) {
  const { kind, namespace, name, message, lastAppliedRevision, suspended } = item;
  return (
    <li className="wrap">
      <WordMark word={wordOfFlux(item)} size={14}>
        <strong>{kind}</strong> <span className="mono">{`${namespace}/${name}`}</span>
      </WordMark>{' '}
      {suspended ? 'is suspended' : message}
      {lastAppliedRevision && !message?.includes(lastAppliedRevision) && (
        <span className="mono"> {lastAppliedRevision}</span>
      )}
    </li>
  );
}

function Why({ cause }: { cause: Cause | undefined }) {
  if (!cause) return null;
  return (
    <Text size="xs" className="wrap">
      <strong>{cause.reason}</strong>: {cause.message}
      {cause.nextStep && <em> → {cause.nextStep}</em>}
    </Text>
  );
}
