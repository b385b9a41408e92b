import { Alert, Text } from '@mantine/core';
import type { Environment, FluxObject } from '~/api/kinds';
import { wordOfFlux } from '~/domain/words';
import { Age, useNow } from '~/parts/Age';
import { Conditions } from '~/parts/Conditions';
import { CopyLine } from '~/parts/CopyLine';
import { Outside, Sha } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { AgentTroubles } from '~/wizard/AgentTroubles';
import { Checks } from '~/wizard/Checks';
import { agentChecks } from '~/wizard/progress';
import { isHeard } from './agent';
import { PlaceInGit } from './PlaceInGit';

/** How Flux follows the environment, and what the agent of its cluster says of it. */
export function EnvironmentFlux({ environment }: { environment: Environment }) {
  const { spec, status } = environment;
  const now = useNow();
  const { flux } = spec;
  const { agent } = status ?? {};
  const byAgent = spec.observedBy === 'Agent';
  return (
    <>
      {byAgent && <Agent environment={environment} />}
      <section className="panel" aria-label="Flux">
        <header>
          <h2>Flux</h2>
        </header>
        <div className="panel-body">
          <dl className="facts">
            <dt>Looks</dt>
            <dd>
              each {flux?.interval ?? '1m'}, and gives up after {flux?.timeout ?? '5m'}
            </dd>
            <dt>Its objects</dt>
            <dd>
              in {flux?.namespace ?? 'flux-system'},{' '}
              {flux?.kustomizationPerApp === false
                ? 'one Kustomization for all apps'
                : 'one Kustomization for each app'}
            </dd>
          </dl>
          {agent?.flux && agent.flux.length > 0 && (
            <div className={isHeard(agent, now) ? undefined : 'stale'}>
              <FluxObjects objects={agent.flux} />
            </div>
          )}
          <Conditions
            conditions={status?.conditions?.filter(({ type }) => type === 'FluxReady' || type === 'AgentConnected')}
          />
        </div>
      </section>
    </>
  );
}

function Agent({ environment }: { environment: Environment }) {
  const now = useNow();
  const { name, namespace } = environment.metadata;
  const agent = environment.status?.agent;
  const command = `gimlet env connect ${name} -n ${namespace} --cluster-context CONTEXT --agent ${location.origin}`;
  return (
    <section className="panel environment-agent" aria-label="Agent">
      <header>
        <h2>Agent</h2>
        <WordMark word={isHeard(agent, now) ? 'Healthy' : 'Unknown'} size={15}>
          {isHeard(agent, now) ? 'connected' : agent ? 'silent' : 'never heard'}
        </WordMark>
      </header>
      <div className="panel-body">
        {agent && (
          <dl className="facts">
            <dt>Version</dt>
            <dd>{agent.version}</dd>
            <dt>Cluster</dt>
            <dd className="mono">{agent.cluster}</dd>
            <dt>Flux</dt>
            <dd>{agent.fluxVersion ?? 'not found'}</dd>
            <dt>Heard last</dt>
            <dd>
              <Age time={agent.lastContact} ago />
            </dd>
          </dl>
        )}
        {!isHeard(agent, now) && (
          <>
            <Alert variant="light" color="yellow" p="sm" mt={agent ? 'sm' : 0}>
              <Text size="sm">
                {agent
                  ? 'Nothing is heard of it. Its pod says at /readyz and in its log what is wrong: the address, the network, the certificate, or a token that has expired. Run again, this exchanges the token:'
                  : 'No agent has connected yet. This makes its identity, and puts it into the cluster:'}
              </Text>
              <CopyLine text={command} />
            </Alert>
            <Checks label="Chain" checks={agentChecks(environment, now)} />
            <AgentTroubles name={name} namespace={namespace} open />
          </>
        )}
      </div>
    </section>
  );
}

function FluxObjects({ objects }: { objects: readonly FluxObject[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
    <section className="scroll-x environment-objects" aria-label="Flux' objects" tabIndex={0}>
      <table className="data">
        <thead>
          <tr>
            <th>Object</th>
            <th>State</th>
            <th>Commit</th>
          </tr>
        </thead>
        <tbody>
          {objects.map(({ kind, name, ready, reason, message, suspended, commit }) => (
            <tr key={`${kind}/${name}`}>
              <td>
                {kind} <span className="mono">{name}</span>
              </td>
              <td className="wrap why">
                <WordMark word={wordOfFlux({ suspended, ready })} size={14}>
                  {suspended ? 'Suspended' : (reason ?? 'Looks')}
                </WordMark>
                <div>{message}</div>
              </td>
              <td>{commit ? <Sha id={commit} /> : '—'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Where the environment is in git. */
export function EnvironmentRepository({ environment: { spec, status } }: { environment: Environment }) {
  const { gitops } = spec;
  return (
    <section className="panel" aria-label="Repository">
      <div className="panel-body">
        <dl className="facts">
          <PlaceInGit gitops={gitops} />
          <dt>Newest commit</dt>
          <dd>
            {status?.head ? <Sha id={status.head.commit} /> : '—'} <Age time={status?.head?.time} />
          </dd>
          {status?.pullRequest && (
            <>
              <dt>Pull request</dt>
              <dd>
                <Outside href={status.pullRequest.url}>{status.pullRequest.url}</Outside>
              </dd>
            </>
          )}
          <dt>Commits signed</dt>
          <dd>{gitops.signing ? 'yes' : 'no'}</dd>
          <dt>Engine</dt>
          <dd>{status?.engine ?? '—'}</dd>
        </dl>
        <Conditions conditions={status?.conditions} />
      </div>
    </section>
  );
}
