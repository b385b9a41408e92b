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

/** What usually is behind a refusal of a host. */
export interface Trouble {
  /** What to do about it. */
  text: string;
  /** Whether other credentials may help. */
  credentials: boolean;
}

const TROUBLES: [when: RegExp, text: string, credentials: boolean][] = [
  [
    /protected|pre-receive|GH006|not allowed to push/i,
    'The branch seems to be protected: let the operator push to it, or make the environment with pull requests.',
    false,
  ],
  [
    /40[13]|authentic|credential|denied|permission|scope/i,
    'The host does not take the credentials, or they may not write: give the token the rights to read and write the repository, and put it into the Secret.',
    true,
  ],
];

const OF_A_LOOK: typeof TROUBLES = [
  [
    /404|not found|does not exist/i,
    'The repository is not there, or the token may not see it: make it at its host, empty.',
    true,
  ],
  [
    /resolve|dns|lookup|timed? ?out|unreachable|refused/i,
    'The host cannot be reached from the operator: look at the address and the network.',
    false,
  ],
  [
    /certificate|tls|x509/i,
    "The host's certificate is not trusted: put its authorities into the Secret as ca.crt.",
    true,
  ],
];

const HOOK: Trouble = {
  text: 'A rule or a hook of the host refuses the push, and its words say which: let the operator push to the branch, or make the environment with pull requests.',
  credentials: false,
};

/**
 * Names what usually is behind the words of a host. The reason is that of the condition: a push that was refused had an answer
 * of the host, whatever its words.
 */
export function troubleOf(message: string, reason?: string): Trouble | undefined {
  const pushed = reason === 'GitRejected';
  const found = [...TROUBLES, ...(pushed ? [] : OF_A_LOOK)].find(([when]) => when.test(message));
  if (found) return { text: found[1], credentials: found[2] };
  return pushed ? HOOK : undefined;
}
