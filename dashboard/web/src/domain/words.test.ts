import { expect, test } from 'vitest';
import type { Phase } from '~/api/kinds';
import { hasEnded, isBeforeGit, WORDS, wordOfCondition, wordOfPhase, worse } from './words';

const phases: Phase[] = [
  'Pending',
  'Planned',
  'Waiting',
  'Queued',
  'Committed',
  'Applied',
  'Healthy',
  'Failed',
  'Rejected',
  'Superseded',
  'Cancelled',
  'Unchanged',
];

test('every phase has a word of the vocabulary', () => {
  for (const phase of phases) expect(WORDS).toContain(wordOfPhase(phase));
  expect(wordOfPhase('Rejected')).toBe('Failed');
  expect(wordOfPhase('Superseded')).toBe('Ended');
  expect(wordOfPhase(undefined)).toBe('Progressing');
});

test('only what is not in git yet can be cancelled', () => {
  expect(phases.filter(isBeforeGit)).toEqual(['Pending', 'Waiting', 'Queued']);
});

test('a release has ended when it goes no further', () => {
  const going = phases.filter((phase) => !hasEnded(phase));
  expect(going).toEqual(['Pending', 'Waiting', 'Queued', 'Committed', 'Applied']);
  expect(hasEnded(undefined)).toBe(false);
});

test('what failed is more urgent than what waits', () => {
  expect(worse('Waiting', 'Failed')).toBe('Failed');
  expect(worse('Healthy', 'Progressing')).toBe('Progressing');
});

test('a condition that is not there is unknown, one that is Unknown is on its way', () => {
  expect(wordOfCondition(undefined)).toBe('Unknown');
  expect(wordOfCondition('Unknown')).toBe('Progressing');
});
