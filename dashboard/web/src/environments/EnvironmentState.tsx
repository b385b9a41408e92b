import { useAgentActRight } from '~/api/agentRights';
import type { Presence } from '~/api/agents';
import { condition, type Environment } from '~/api/kinds';
import { ReconcileButton } from '~/app/AgentButtons';
import { Age, useNow } from '~/parts/Age';
import { Sha } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { isHeard } from './agent';
import { itemsOf, readyText, reconcileHere } from './flux';

interface Props {
  environment: Environment;
  /** What the agent does on demand; not known where none has come. */
  presence: Presence | undefined;
  /** Releases that wait for their place in git; not known to who may not read releases. */
  queue: number | undefined;
}

/** What git, the agent and Flux say, in one line above the tabs. */
export function EnvironmentState({ environment, presence, queue }: Props) {
  const { metadata, spec, status } = environment;
  const { namespace, name } = metadata;
  const now = useNow();
  const right = useAgentActRight(presence, namespace, name, 'reconcileFlux');
  const git = condition(status?.conditions, 'GitReady');
  const flux = condition(status?.conditions, 'FluxReady');
  const { agent } = status ?? {};
  const byAgent = spec.observedBy === 'Agent';
  const heard = isHeard(agent, now);
  return (
    <section className="panel environment-state" aria-label="State">
      <WordMark word={git ? (git.status === 'True' ? 'Healthy' : 'Failed') : 'Unknown'} size={15}>
        <span>
          Git{' '}
          {status?.head ? (
            <>
              <Sha id={status.head.commit} /> pushed <Age time={status.head.time} ago />
            </>
          ) : (
            'has no commit yet'
          )}
          {queue !== undefined && `, queue ${queue}`}
        </span>
      </WordMark>
      {byAgent ? (
        <WordMark word={heard ? 'Healthy' : 'Unknown'} size={15}>
          <span>
            Agent{' '}
            {agent ? (
              <>
                {agent.version} in cluster{' '}
                <span className="mono" title={agent.cluster}>
                  {agent.cluster.slice(0, 8)}
                </span>
                , seen <Age time={agent.lastContact} ago />
              </>
            ) : (
              'was never heard'
            )}
          </span>
        </WordMark>
      ) : (
        <WordMark word="Ended" size={15}>
          No agent: Flux is in this cluster
        </WordMark>
      )}
      <WordMark
        // What a silent agent said before is no news.
        word={!flux || (byAgent && !heard) ? 'Unknown' : flux.status === 'True' ? 'Healthy' : 'Failed'}
        size={15}
      >
        Flux {agent?.fluxVersion} {readyText(agent?.flux) ?? flux?.reason}
      </WordMark>
      <ReconcileButton
        place={{ namespace, environment: name }}
        items={itemsOf(environment)}
        right={byAgent ? right : { allowed: false, text: reconcileHere(environment) }}
      />
    </section>
  );
}
