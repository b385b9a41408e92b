import { expect, test } from 'vitest';
import { isHeard } from './agent';

test('an agent is silent after a minute', () => {
  const agent = { version: '0.1.0', cluster: 'c', lastContact: '2026-01-01T00:00:00Z' };
  const at = (second: number) => Date.parse(agent.lastContact) + second * 1000;
  expect(isHeard(undefined, at(0))).toBe(false);
  expect(isHeard(agent, at(60))).toBe(true);
  expect(isHeard(agent, at(61))).toBe(false);
});
