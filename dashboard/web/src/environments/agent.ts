import type { AgentStatus } from '~/api/kinds';

/** Milliseconds after which an agent that says nothing counts as silent, as everywhere else. */
const SILENT = 60_000;

/** Tells whether an agent is there. */
export const isHeard = (agent: AgentStatus | undefined, now: number) =>
  agent !== undefined && now - Date.parse(agent.lastContact) <= SILENT;
