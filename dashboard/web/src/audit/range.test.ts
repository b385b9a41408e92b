import { expect, test } from 'vitest';
import { rangeOf } from './range';

const now = Date.parse('2026-11-28T12:00:00Z');
const local = (text: string) => new Date(text).toISOString();

test('days count from their beginning to their end, where the reader is', () => {
  expect(rangeOf({ from: '2026-11-03', to: '2026-11-04' }, now)).toEqual({
    since: local('2026-11-03T00:00:00'),
    until: local('2026-11-04T23:59:59'),
  });
  expect(rangeOf({ to: '2026-11-04' }, now)).toEqual({ since: undefined, until: local('2026-11-04T23:59:59') });
});

test('a span holds where no day is named', () => {
  expect(rangeOf({ since: 'last day' }, now)).toEqual({ since: '2026-11-27T12:00:00.000Z' });
  expect(rangeOf({ since: 'last day', from: '2026-11-03' }, now).since).toBe(local('2026-11-03T00:00:00'));
});

test('what is no day, or no span, asks for nothing', () => {
  expect(rangeOf({ from: 'yesterday', to: '2026-13-45', since: 'toString' }, now)).toEqual({});
});

test('days the wrong way round are named, not turned', () => {
  expect(rangeOf({ from: '2026-11-04', to: '2026-11-03' }, now).problem).toContain('before the first day');
});
