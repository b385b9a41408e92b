import { expect, test } from 'vitest';
import type { Artifact, ManifestVerdict, Repository } from '~/api/kinds';
import {
  artifactOfTag,
  checksOf,
  filterCommits,
  isDeployable,
  linesOf,
  linkOf,
  namedChecks,
  newsOf,
  noArtifact,
  onlyFrom,
  pollOf,
  withArtifact,
} from './commits';

const commit = { commit: '9f3c1a2', message: 'Retry payments', author: 'Ada' };

test('checks that failed are named, those that passed are counted', () => {
  expect(
    checksOf([
      { context: 'build', state: 'Success' },
      { context: 'test', state: 'Failure' },
    ]),
  ).toEqual({ word: 'Failed', text: 'test' });
  expect(checksOf([{ context: 'build', state: 'Pending' }])).toEqual({ word: 'Progressing', text: 'build' });
  expect(
    checksOf([
      { context: 'build', state: 'Success' },
      { context: 'docs', state: 'Skipped' },
    ]),
  ).toEqual({ word: 'Healthy', text: '1/2' });
});

test('no checks are no state', () => {
  expect(checksOf([])).toBeUndefined();
  expect(checksOf(null)).toBeUndefined();
});

test('commits are found by message, id and author', () => {
  const other = { ...commit, commit: '77ab01d' };
  expect(filterCommits([commit, other], 'ada RETRY')).toHaveLength(2);
  expect(filterCommits([commit, other], '77ab')).toEqual([other]);
});

test('of a commit with several artifacts, one that fits is released', () => {
  const [pull, push, tag] = ['pull', 'push', 'tag'].map((name) => ({ name, event: 'Push' }));
  const built = { ...commit, artifacts: [pull, push, tag] } as typeof commit & {
    artifacts: { name: string; event: string }[];
  };
  expect(withArtifact([commit, built], () => true)).toEqual([built]);
  expect(withArtifact([commit, built], ({ name }) => name === 'push')).toEqual([
    { ...built, artifacts: [push, pull, tag] },
  ]);
  expect(withArtifact([built], () => false)).toEqual([]);
});

test('what was made of a tag itself is released of it, else what was made of its commit', () => {
  const artifacts = [
    { name: 'of-push', event: 'Push' },
    { name: 'of-tag', event: 'Tag', tag: 'v1' },
  ];
  expect(artifactOfTag({ name: 'v1', commit: 'c', artifacts })).toBe('of-tag');
  expect(artifactOfTag({ name: 'v2', commit: 'c', artifacts })).toBe('of-push');
  expect(artifactOfTag({ name: 'v3', commit: 'c', artifacts: null })).toBeUndefined();
});

test('where a commit is at the host is known from any other', () => {
  const known = { ...commit, url: 'https://git.example.com/shop/commit/9f3c1a2' };
  expect(linkOf([commit, known], 'abc')).toBe('https://git.example.com/shop/commit/abc');
  expect(linkOf([commit, { ...commit, url: 'https://git.example.com/elsewhere' }], 'abc')).toBeUndefined();
});

const judged = (releases: Partial<ManifestVerdict>[], status: 'True' | 'False' = 'True'): Artifact => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'Artifact',
  metadata: { name: 'shop-1', namespace: 'team' },
  spec: { version: { sha: '9f3c1a2' } },
  status: {
    conditions: [{ type: 'Ready', status, reason: 'Judged', message: '', lastTransitionTime: '2026-11-26T12:00:00Z' }],
    releases: releases.map((verdict) => ({ manifest: 'm', app: 'shop', result: 'Manual', message: '', ...verdict })),
  },
});

test('deployable is what the dialog lets go to an environment that is seen', () => {
  expect(isDeployable(judged([{ environment: 'dev' }, { environment: 'prod' }]), ['prod'])).toBe(true);
  expect(isDeployable(judged([{ environment: 'dev' }]), ['prod']), 'for another environment').toBe(false);
  expect(isDeployable(judged([{ environment: 'prod', result: 'Invalid' }]), ['prod'])).toBe(false);
  expect(isDeployable(judged([{ environment: 'prod', result: 'NotMatched' }]), ['prod']), 'by hand').toBe(true);
  expect(isDeployable(judged([{ environment: 'dev', app: 'blog' }, { environment: 'prod' }]), ['dev'])).toBe(true);
  expect(isDeployable(judged([{ environment: 'prod' }], 'False'), ['prod']), 'not judged yet').toBe(false);
  expect(isDeployable(judged([]), ['prod'])).toBe(false);
  expect(isDeployable(null, ['prod']), 'pruned').toBe(false);
});

test('which commits are asked for is in the address', () => {
  expect(['artifact', 'deployable', 'others', undefined].map(onlyFrom)).toEqual([
    'artifact',
    'deployable',
    undefined,
    undefined,
  ]);
});

test('a commit without an artifact says why, where that is known', () => {
  expect(noArtifact({ ...commit, statuses: [{ context: 'test', state: 'Failure' }] })).toBe('no artifact: CI failed');
  expect(noArtifact(commit)).toBe('no artifact');
});

test('a webhook is news of a repository, whatever it tells', () => {
  const repository: Repository = {
    apiVersion: 'gimlet.io/v1alpha1',
    kind: 'Repository',
    metadata: { name: 'shop', namespace: 'team' },
    spec: { url: 'https://git.example.com/acme/shop' },
    status: { head: { branch: 'main', commit: '9f3c1a2', short: '9f3c1a2' } },
  };
  const told = newsOf(repository);
  const annotations = { 'gimlet.io/look-requested': 'webhook-1' };
  expect(newsOf({ ...repository, metadata: { ...repository.metadata, annotations } })).not.toBe(told);
  expect(newsOf({ ...repository, metadata: { ...repository.metadata, resourceVersion: '7' } })).toBe(told);
  const hooked = { ...repository, spec: { ...repository.spec, webhookSecretRef: { name: 'hook' } } };
  expect(pollOf(hooked)).toBeGreaterThan(pollOf(repository));
  const building = { ...commit, statuses: [{ context: 'build', state: 'Pending' as const }] };
  expect(pollOf(hooked, [building])).toBe(pollOf(repository));
});

test('the checks of a version are all named, and those that were skipped say nothing', () => {
  const build = { context: 'build', state: 'Success' } as const;
  const lint = { context: 'lint', state: 'Skipped' } as const;
  expect(namedChecks([build, { context: 'test', state: 'Success' }, lint])).toEqual({
    word: 'Healthy',
    text: 'build, test',
  });
  expect(namedChecks([build, { context: 'test', state: 'Error' }])).toEqual({ word: 'Failed', text: 'test' });
  expect(namedChecks([lint])).toBeUndefined();
  expect(namedChecks([])).toBeUndefined();
  expect(linesOf([build, { context: 'test', state: 'Failure', description: '3 tests failed' }])).toBe(
    'build: Success\ntest: Failure, 3 tests failed',
  );
});
