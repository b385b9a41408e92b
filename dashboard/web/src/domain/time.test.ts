import { expect, test } from 'vitest';
import { agoText, between, nearTime, relative, span } from './time';

const now = Date.parse('2026-11-26T12:00:00Z');

test.each([
  ['2026-11-26T11:59:20Z', '40s'],
  ['2026-11-26T11:48:00Z', '12m'],
  ['2026-11-23T12:00:00Z', '3d'],
  ['2026-11-26T16:00:00Z', 'in 4h'],
  ['2026-11-26T12:00:00Z', 'now'],
])('%s is %s', (time, text) => {
  expect(relative(time, now)).toBe(text);
});

test('a time that is not set, or is none, is a dash and never 1970', () => {
  expect(relative(undefined, now)).toBe('—');
  expect(relative(null, now)).toBe('—');
  expect(relative('soon', now)).toBe('—');
});

test('durations are told between two known times only', () => {
  expect(between('2026-11-26T12:00:00Z', '2026-11-26T12:00:41Z')).toBe('41s');
  expect(between(undefined, '2026-11-26T12:00:41Z')).toBeUndefined();
  expect(span(-5)).toBe('0s');
});

test('a time that may be today has no more of its date than is needed', () => {
  const noon = new Date(2026, 10, 28, 12);
  const at = (month: number, day: number) => nearTime(new Date(2026, month, day, 2).toISOString(), noon.getTime());
  expect(at(10, 28)).toBe('02:00');
  expect(at(10, 29)).toBe('Sun 02:00');
  expect(at(11, 24)).toBe('24 Dec 2026, 02:00');
});

test('a time is part of a sentence', () => {
  expect(agoText('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:03:00Z'))).toBe('3m ago');
  expect(agoText('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:01Z'))).toBe('now');
  expect(agoText(undefined, 0)).toBe('—');
});
