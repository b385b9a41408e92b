import { expect, test } from 'vitest';
import { checksOf, filterCommits, noArtifact } from './commits';

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
