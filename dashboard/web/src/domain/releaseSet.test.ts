import { expect, test } from 'vitest';
import type { Blocker, Phase, Release, ReleaseSet } from '~/api/kinds';
import { asksToConfirm, canCancel, deedOfSet, linesOf, setAgain, setCommand, sharedVersion } from './releaseSet';

const set = (spec: Partial<ReleaseSet['spec']>, status: ReleaseSet['status'] = {}): ReleaseSet => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'ReleaseSet',
  metadata: { name: 'prod-1', namespace: 'team' },
  spec: { environment: 'prod', artifact: { name: 'v2' }, ...spec },
  status: {
    releases: [
      { app: 'cart', release: 'cart.prod-1', phase: 'Pending' },
      { app: 'web', release: 'web.prod-1', phase: 'Healthy' },
    ],
    ...status,
  },
});
const release = (name: string, phase: Phase, blockedBy: Blocker[] = []): Release => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'Release',
  metadata: { name, namespace: 'team' },
  spec: { app: 'a', environment: 'prod' },
  status: { phase, version: 'v2', blockedBy },
});
const blocker = (kind: string): Blocker => ({ kind, name: 'x', reason: `waits for ${kind}` });

test('each app says what its release says, and what the set knows where that is gone', () => {
  const lines = linesOf(set({}), [release('cart.prod-1', 'Waiting', [blocker('Approval'), blocker('Set')])]);
  expect(lines.map(({ app, phase, version, text }) => [app, phase, version, text])).toEqual([
    ['cart', 'Waiting', 'v2', 'waits for Approval · waits for Set'],
    ['web', 'Healthy', undefined, undefined],
  ]);
  expect(sharedVersion(lines)).toBeUndefined();
  expect(sharedVersion(lines.slice(0, 1))).toBe('v2');
  expect(linesOf({ ...set({}), status: undefined }, [])).toEqual([]);
});

test('a set can be cancelled once, and as long as it is not in git', () => {
  expect(canCancel(set({}, { phase: 'Waiting' }))).toBe(true);
  expect(canCancel({ ...set({}), status: undefined })).toBe(true);
  expect(canCancel(set({ cancel: true }, { phase: 'Waiting' }))).toBe(false);
  expect(canCancel(set({}, { phase: 'Cancelled' }))).toBe(false);
  expect(canCancel(set({}, { phase: 'Queued', commit: { sha: 'c', short: 'c', branch: 'main' } }))).toBe(false);
});

test('what the deletion guard asks of one app is confirmed for all, once', () => {
  const lines = linesOf(set({}), [release('cart.prod-1', 'Waiting', [blocker('Confirm')])]);
  expect(asksToConfirm(set({}), lines)).toBe(true);
  expect(asksToConfirm(set({ confirm: true }), lines)).toBe(false);
  expect(asksToConfirm(set({}), linesOf(set({}), [release('cart.prod-1', 'Waiting', [blocker('Set')])]))).toBe(false);
});

test('the command line and kubectl make the same set', () => {
  const spec = { environment: 'prod', apps: ['cart', 'web'], artifact: { name: 'v2' }, reason: 'spring sale' };
  expect(setCommand('team', { ...spec, vars: { A: 'b c' }, planOnly: true })).toBe(
    "gimlet set create cart web -e prod --artifact v2 -n team --var 'A=b c' --reason 'spring sale' --plan-only",
  );
  expect(
    setCommand('team', { environment: 'prod', rollbackTo: { time: '2026-01-31T12:00:00Z' }, reason: 'slow' }),
  ).toBe('gimlet set create -e prod --to 2026-01-31T12:00:00Z -n team --reason slow');
  expect(setCommand('team', { ...spec, artifact: { name: 'v2', namespace: 'build' } })).toBeUndefined();
  const again = setAgain(set({ ...spec, cancel: true, confirm: true }));
  expect(again.spec).toEqual(spec);
  expect(again.metadata).toEqual({ generateName: 'prod-', namespace: 'team' });
});

test('it is said what was done with a set', () => {
  const words = [{}, { rollbackTo: { commit: 'c' } }, { planOnly: true }].map((spec) => deedOfSet(set(spec).spec));
  expect(words).toEqual(['released', 'rolled back', 'planned']);
});
