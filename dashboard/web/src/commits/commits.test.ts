import { expect, test } from 'vitest';
import type { Repository } from '~/api/kinds';
import { checksOf, filterCommits, newsOf, noArtifact, pollOf } from './commits';

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
  const other = { ...commit, commit: '77ab01d', artifacts: [{ name: 'a', event: 'Push' }] };
  expect(filterCommits([commit, other], 'ada RETRY', false)).toHaveLength(2);
  expect(filterCommits([commit, other], '77ab', false)).toEqual([other]);
  expect(filterCommits([commit, other], '', true)).toEqual([other]);
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
