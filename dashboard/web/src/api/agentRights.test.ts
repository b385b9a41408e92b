import { expect, test } from 'vitest';
import { agentRight } from './agentRights';
import type { Running } from './agents';

const running: Running = { state: { namespace: 'shop', app: 'web', word: 'Healthy' }, can: ['logs'] };
const now = Date.parse('2026-01-01T00:05:00Z');

test('an agent is asked only for what it does, and the reason is named', () => {
  expect(agentRight(running, 'prod', 'logs', now).allowed).toBe(true);
  expect(agentRight(running, 'prod', 'reconcileFlux', now).text).toContain('--on-demand=reconcile');
  expect(agentRight(running, 'prod', 'resumeFlux', now).text).toContain('--on-demand=resume');
  expect(agentRight(undefined, 'prod', 'logs', now).text).toContain('gimlet env connect prod --agent');
  const silent = { ...running, silent: '2026-01-01T00:01:00Z', can: [] };
  expect(agentRight(silent, 'prod', 'logs', now).text).toContain('heard last 4m ago');
});
