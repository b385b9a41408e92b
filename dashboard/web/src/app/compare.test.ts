import { expect, test } from 'vitest';
import { pairOf, pickedFrom } from './compare';

const log = ['c4', 'c3', 'c2', 'c1'];

test('two entries are compared from the older to the newer, in whatever order they were picked', () => {
  expect(pairOf(['c4', 'c2'], log, 'c4', 'c3')).toEqual({ from: 'c2', to: 'c4' });
  expect(pairOf(['c2', 'c4'], log, 'c4', 'c3')).toEqual({ from: 'c2', to: 'c4' });
});

test('an entry that is not loaded is older than those that are', () => {
  expect(pairOf(['c4', 'c0'], log, 'c4', 'c3')).toEqual({ from: 'c0', to: 'c4' });
  expect(pairOf(['c0', 'c4'], [], 'c4', 'c3')).toEqual({ from: 'c0', to: 'c4' });
});

test('one entry is compared with now, and none means the release before', () => {
  expect(pairOf(['c1'], log, 'c4', 'c3')).toEqual({ from: 'c1', to: 'c4' });
  expect(pairOf([], log, 'c4', 'c3')).toEqual({ from: 'c3', to: 'c4' });
});

test('there is nothing to compare with itself, or before the first release', () => {
  expect(pairOf(['c4'], log, 'c4', 'c3')).toBeUndefined();
  expect(pairOf([], log, 'c4', undefined)).toBeUndefined();
});

test('what is in the URL is at most two commits', () => {
  expect(pickedFrom('a..b..c')).toEqual(['a', 'b']);
  expect(pickedFrom(undefined)).toEqual([]);
});
