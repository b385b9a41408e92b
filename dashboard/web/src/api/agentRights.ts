import { agoText } from '~/domain/time';
import type { Capability, Presence } from './agents';
import { useConfig, useRight } from './rights';
import type { Right } from './server';

const NAMES: Record<Exclude<Capability, 'unknown'>, string> = {
  logs: 'logs',
  events: 'events',
  describe: 'describe',
  reconcileFlux: 'reconcile',
  resumeFlux: 'resume',
  restart: 'restart',
  usage: 'usage',
};

/**
 * Tells whether the agent of an environment would be asked for something, and if not, why. What the person may do in
 * the other cluster only that cluster knows.
 */
export function agentRight(
  agent: Presence | undefined,
  environment: string,
  capability: Exclude<Capability, 'unknown'>,
  now: number,
): Right {
  const no = (text: string): Right => ({ allowed: false, text });
  if (!agent) {
    return no(
      `No agent tells what runs in ${environment}: \`gimlet env connect ${environment} --agent\` puts one there.`,
    );
  }
  if (agent.silent) {
    return no(`The agent of ${environment} is not connected; it was heard last ${agoText(agent.silent, now)}.`);
  }
  if (!agent.can.includes(capability)) {
    return no(`The agent of ${environment} does not do this: start it with \`--on-demand=${NAMES[capability]}\`.`);
  }
  return { allowed: true, text: '' };
}

/** The same for what changes something: not where the dashboard only shows, and for who may read the environment. */
export function useAgentActRight(
  agent: Presence | undefined,
  namespace: string,
  environment: string,
  capability: 'reconcileFlux' | 'resumeFlux' | 'restart',
): Right {
  const config = useConfig();
  const read = useRight({ verb: 'get', resource: 'environments', namespace, name: environment });
  if (config.data?.readOnly) {
    return { allowed: false, text: 'This dashboard only shows: it was started with --read-only.' };
  }
  return read.allowed ? agentRight(agent, environment, capability, Date.now()) : read;
}
