import { expect, test } from 'vitest';
import type { Running } from '~/api/agents';
import { restartsOf } from './useRestarts';

function running(restarts: number, at?: string): Running {
  const last = restarts > 0 ? { exitCode: 1, reason: 'Error', at } : undefined;
  const containers = [{ name: 'app', ready: true, restarts, last }];
  return { state: { pods: [{ name: 'web-1', containers }] } } as unknown as Running;
}

test('a container that was started again is told with the one before it', () => {
  const at = '2026-01-01T10:00:00Z';
  const told = {
    pod: 'web-1',
    container: 'app',
    time: at,
    text: 'web-1/app was started again after exit code 1 (Error)',
  };
  expect(restartsOf(running(3, at), new Map([['web-1/app', 2]]))).toEqual([told]);
  expect(restartsOf(running(3, at), new Map([['web-1/app', 3]]))).toEqual([]);
  expect(restartsOf(running(1, at), new Map())).toEqual([told]);
});

test('at first it is told of what was started again before, where it is known when', () => {
  expect(restartsOf(running(7, '2026-01-01T10:00:00Z'), undefined)).toHaveLength(1);
  expect(restartsOf(running(7), undefined)).toEqual([]);
  expect(restartsOf(running(0), undefined)).toEqual([]);
  expect(restartsOf(undefined, undefined)).toEqual([]);
});
