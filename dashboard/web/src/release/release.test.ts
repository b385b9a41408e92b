import { expect, test } from 'vitest';
import type { App, Artifact, Release } from '~/api/kinds';
import { candidatesOf, gatesOf, pastOf, whyNot } from './candidates';
import { commitOf, valuesOf } from './content';
import { expectedText } from './expected';
import { stepsOf, totalOf } from './timeline';
import { nextLook } from './useChecks';

const at = (second: number) => `2026-11-26T12:00:${String(second).padStart(2, '0')}Z`;
const release = (status: Release['status'], spec: Partial<Release['spec']> = {}): Release => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'Release',
  metadata: { name: 'shop.prod-x', namespace: 'team', creationTimestamp: at(0) },
  spec: { app: 'shop', environment: 'prod', artifact: { name: 'shop-1' }, ...spec },
  status,
});
const told = (each: Release) => stepsOf(each).map(({ name, word }) => `${name} ${word ?? '-'}`);
const ready = (message: string, status: 'True' | 'False' | 'Unknown' = 'Unknown') => [
  { type: 'Ready', status, reason: 'R', message, lastTransitionTime: at(1) },
];

test('a release that is on its way shows where it is', () => {
  const each = release({
    phase: 'Committed',
    conditions: ready('waits for Flux'),
    timestamps: { planned: at(1), queued: at(2), committed: at(3) },
  });
  expect(told(each)).toEqual([
    'Created Healthy',
    'Planned Healthy',
    'Queued Healthy',
    'Committed Healthy',
    'Applied Progressing',
    'Healthy -',
  ]);
  expect(stepsOf(each)[4]?.text).toEqual(['waits for Flux']);
});

test('a release that waits says for what, and nothing is being worked on', () => {
  const each = release({
    phase: 'Waiting',
    timestamps: { planned: at(1) },
    blockedBy: [{ kind: 'Approval', name: 'prod', reason: '1 approval' }],
  });
  expect(told(each)).toEqual([
    'Created Healthy',
    'Planned Healthy',
    'Waiting Waiting',
    'Queued -',
    'Committed -',
    'Applied -',
    'Healthy -',
  ]);
  expect(stepsOf(each)[2]?.text).toEqual(['Approval: 1 approval']);
});

test('a release that failed ends there, with the cause', () => {
  const each = release({
    phase: 'Failed',
    conditions: ready('pods crash', 'False'),
    timestamps: { planned: at(1), committed: at(3), ended: at(9) },
  });
  expect(told(each)).toEqual(['Created Healthy', 'Planned Healthy', 'Committed Healthy', 'Failed Failed']);
  expect(stepsOf(each).at(-1)?.text).toEqual(['pods crash']);
});

test('a plan has no steps behind it', () => {
  expect(told(release({ phase: 'Planned', timestamps: { planned: at(1) } }, { planOnly: true }))).toEqual([
    'Created Healthy',
    'Planned Healthy',
  ]);
});

test('a healthy release tells its times', () => {
  const timestamps = { planned: at(1), queued: at(2), committed: at(3), applied: at(20), healthy: at(50) };
  expect(totalOf(release({ phase: 'Healthy', timestamps }))).toBe('50s (commit 1s · Flux 17s · rollout 30s)');
  expect(totalOf(release({ phase: 'Applied' }))).toBeUndefined();
});

const artifact = (name: string, created: string, environments: string[], app = 'shop'): Artifact => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'Artifact',
  metadata: { name, namespace: 'team', creationTimestamp: created },
  spec: { version: { sha: `${name}00000000`, message: 'one\ntwo' } },
  status: {
    releases: environments.map((environment) => ({ manifest: 'm', app, environment, result: 'Manual', message: '' })),
  },
});
const runs = {
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'App',
  metadata: { name: 'shop.dev', namespace: 'team' },
  spec: { app: 'shop', environment: 'dev' },
  status: { current: { name: 'r', commit: 'c', tree: 't', time: at(0), artifact: { name: 'a2' } } },
} satisfies App;

test('only artifacts with a manifest of the app can be chosen, newest first', () => {
  const artifacts = [
    artifact('a1', at(1), ['dev']),
    artifact('b1', at(3), ['dev'], 'other'),
    artifact('a2', at(2), ['dev', 'prod']),
  ];
  const found = candidatesOf(artifacts, 'shop', [runs]);
  expect(found.map(({ id, runsIn, message }) => [id, runsIn, message])).toEqual([
    ['a2', ['dev'], 'one'],
    ['a1', [], 'one'],
  ]);
  expect(whyNot(found[1], 'prod')).toBe('a100000 has no manifest for prod');
  expect(whyNot(found[0], 'prod')).toBeUndefined();
});

test('what is there now is nothing to go back to', () => {
  const entries = [
    { commit: 'c3', time: at(3), subject: 's', action: 'release', release: 'r3', version: 'v3' },
    { commit: 'c2', time: at(2), subject: 'by hand' },
    { commit: 'c1', time: at(1), subject: 's', action: 'environment' },
  ];
  expect(pastOf(entries, 'c3').map(({ id, source }) => [id, source])).toEqual([
    ['c2', { rollbackTo: { commit: 'c2' } }],
  ]);
});

test('what is asked for can be gone back to although it is older than what was read, and nothing else is', () => {
  const entries = [
    { commit: 'c3c3c3c3', time: at(3), subject: 's', action: 'release', release: 'r3', version: 'v3' },
    { commit: 'c2c2c2c2', time: at(2), subject: 's', action: 'uninstall', release: 'r2' },
    { commit: 'c1c1c1c1', time: at(1), subject: 's', action: 'release', release: 'r1', version: 'v1' },
  ];
  const offered = (to?: string) => pastOf(entries, 'c3c3c3c3', to).map(({ id, source }) => [id, source.rollbackTo]);
  const newest = ['r1', { release: 'r1' }];
  expect(offered('shop.prod-old')).toEqual([['shop.prod-old', { release: 'shop.prod-old' }], newest]);
  expect(offered('abc1234')).toEqual([['abc1234', { commit: 'abc1234' }], newest]);
  expect(offered('c1c1c1c1')).toEqual([['c1c1c1c1', { commit: 'c1c1c1c1' }], newest]);
  for (const to of [undefined, 'r1', 'r2', 'r3', 'c2c2c2c2', 'c3c3c3c']) expect(offered(to)).toEqual([newest]);
});

test('a rollback waits for a lock, not for approvals or windows', () => {
  const card = {
    namespace: 'team',
    name: 'prod',
    word: 'Healthy',
    approvals: 2,
    windows: true,
    lock: { reason: 'freeze' },
  } as const;
  expect(gatesOf(card, false)).toEqual(['locked: freeze', '2 approvals', 'an open deploy window']);
  expect(gatesOf(card, true)).toEqual(['locked: freeze']);
});

test('the values of a release are those of the manifest in it; else it says where they are', () => {
  const own = release({}, { artifact: undefined, manifest: { app: 'shop', values: { replicas: 2 } } });
  expect(valuesOf(own)).toEqual({ text: 'replicas: 2\n' });
  expect(valuesOf(release({}, { artifact: undefined, manifest: { app: 'shop' } }))).toEqual({
    why: expect.stringContaining('sets no values'),
  });
  expect(valuesOf(release({}))).toEqual({ why: expect.stringContaining('Artifact shop-1') });
  expect(valuesOf(release({}, { artifact: undefined, rollbackTo: { commit: 'c1' } }))).toEqual({
    why: expect.stringContaining('no manifest of its own'),
  });
});

test('a release that changed nothing has its files where git had them already; one that only plans has none', () => {
  const plan = { digest: 'd', tree: 't', base: 'b1', added: 0, changed: 0, removed: 0 };
  const commit = { sha: 'c1', short: 'c1', branch: 'main', path: 'shop' };
  expect(commitOf(release({ phase: 'Unchanged', plan }))).toBe('b1');
  expect(commitOf(release({ phase: 'Healthy', plan, commit }))).toBe('c1');
  expect(commitOf(release({ phase: 'Planned', plan }))).toBeUndefined();
});

test('the bases that are expected are named, and none where nothing is released yet', () => {
  expect(expectedText(['77ab01d9c0', undefined])).toBe('Expect base 77ab01d');
  expect(expectedText(['aaaaaaa1', 'bbbbbbb2', 'aaaaaaa1'])).toBe('Expect base aaaaaaa, bbbbbbb');
  expect(expectedText(['a', 'b', 'c', 'd', 'e'])).toBe('Expect base a, b, c and 2 more');
  expect(expectedText([undefined])).toBeUndefined();
});

test('a version knows the commit that CI has judged, also one to go back to', () => {
  const built = { ...artifact('a1', at(1), ['dev']), spec: { version: { sha: 's1', repository: 'acme/shop' } } };
  expect(candidatesOf([built], 'shop', [])[0]).toMatchObject({ commit: 's1', repository: 'acme/shop' });
  const entry = { commit: 'c1', time: at(1), subject: 's', action: 'release', source: 's2', repository: 'acme/shop' };
  expect(pastOf([entry], undefined)[0]).toMatchObject({ commit: 's2', repository: 'acme/shop' });
});

test('a check that is pending is asked for again while its version is chosen, and none of the others', () => {
  const pending = { context: 'build', state: 'Pending' } as const;
  const passed = { context: 'lint', state: 'Success' } as const;
  expect(nextLook(true, [passed, pending])).toBe(15_000);
  expect(nextLook(false, [pending])).toBe(false);
  expect(nextLook(true, [passed])).toBe(false);
  expect(nextLook(true, undefined)).toBe(false);
});
