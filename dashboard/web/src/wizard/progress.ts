/** How far an environment is, read from what the API server has of it: whoever comes back finds it so. */

import { type App, condition, type Environment } from '~/api/kinds';
import type { Word } from '~/domain/words';
import { isHeard } from '~/environments/agent';
import type { Step } from './draft';

export interface Check {
  name: string;
  word: Word;
  text: string;
}

/** Says whether the repository can be written, and what its host says where not. */
export function gitCheck({ status }: Environment): Check {
  const git = condition(status?.conditions, 'GitReady');
  const name = 'The operator writes the repository';
  if (!git) return { name, word: 'Progressing', text: 'the operator has not looked at it yet' };
  return { name, word: git.status === 'True' ? 'Healthy' : 'Failed', text: git.message };
}

/** Says whether Flux follows the environment. */
export function fluxCheck(environment: Environment): Check {
  const flux = condition(environment.status?.conditions, 'FluxReady');
  const name = 'Flux follows the environment';
  if (!flux) return { name, word: 'Unknown', text: 'nothing is known yet' };
  return { name, word: fluxWord(flux.status, flux.reason), text: flux.message };
}

function fluxWord(status: 'True' | 'False' | 'Unknown', reason: string): Word {
  if (status === 'True') return 'Healthy';
  if (status === 'False') return 'Failed';
  if (reason === 'PullRequest') return 'Waiting';
  return reason === 'Progressing' ? 'Progressing' : 'Unknown';
}

/** Lists the links of the chain to an agent, in the order in which they come to be. */
export function agentChecks(environment: Environment, now: number): Check[] {
  const { spec, status } = environment;
  const agent = status?.agent;
  const said = condition(status?.conditions, 'AgentConnected');
  const awaited = spec.observedBy === 'Agent';
  const heard = isHeard(agent, now);
  return [
    {
      name: 'The Environment waits for an agent',
      word: awaited ? 'Healthy' : 'Unknown',
      text: awaited ? 'spec.observedBy: Agent' : 'the command sets spec.observedBy to Agent',
    },
    {
      name: 'The agent is connected',
      word: heard ? 'Healthy' : agent ? 'Failed' : awaited ? 'Progressing' : 'Unknown',
      text: heard
        ? `agent ${agent?.version} reports from cluster ${agent?.cluster}`
        : agent
          ? (said?.message ?? 'nothing is heard of it any more')
          : 'nothing has been heard of it yet',
    },
    {
      name: 'It finds Flux in its cluster',
      word: !heard ? 'Unknown' : agent?.fluxVersion ? 'Healthy' : 'Failed',
      text: !heard ? 'the agent will say' : agent?.fluxVersion ? `Flux ${agent.fluxVersion}` : 'install Flux there',
    },
    { ...fluxCheck(environment), ...(heard || !awaited ? {} : { word: 'Unknown' as const }) },
  ];
}

/** Returns the word for a step, or none where it has yet to be done. */
export function wordOfStep(
  step: Step,
  environment: Environment | undefined,
  apps: readonly App[],
  now: number,
): Word | undefined {
  if (!environment) return undefined;
  switch (step) {
    case 'name':
    case 'layout':
      return 'Healthy';
    case 'repository':
      return gitCheck(environment).word;
    case 'flux':
      return todo(fluxCheck(environment).word);
    case 'agent':
      if (environment.spec.observedBy !== 'Agent') return undefined;
      return isHeard(environment.status?.agent, now) ? 'Healthy' : environment.status?.agent ? 'Failed' : undefined;
    case 'app':
      return apps.length > 0 ? 'Healthy' : undefined;
  }
}

const todo = (word: Word) => (word === 'Unknown' ? undefined : word);

/** Names what usually is behind a refusal of a host, in words that say what to do. */
export function likelyCause(message: string): string | undefined {
  if (/protected|pre-receive|GH006|not allowed to push/i.test(message))
    return 'The branch seems to be protected: let the operator push to it, or make the environment with pull requests.';
  if (/40[13]|authentic|credential|denied|permission|scope/i.test(message))
    return 'The host does not take the credentials, or they may not write: give the token the rights of step 2, and put it into the Secret.';
  if (/404|not found|does not exist/i.test(message))
    return 'The repository is not there, or the token may not see it: make it at its host, empty.';
  if (/resolve|dns|lookup|timed? ?out|unreachable|refused/i.test(message))
    return 'The host cannot be reached from the operator: look at the address and the network.';
  if (/certificate|tls|x509/i.test(message))
    return "The host's certificate is not trusted: put its authorities into the Secret as ca.crt.";
  return undefined;
}
