import { afterEach, describe, expect, test } from 'vitest';
import { prefer } from './preferences';
import {
  absolute,
  agoText,
  between,
  clockTime,
  dateTime,
  dayTime,
  exactTime,
  momentAt,
  nearTime,
  relative,
  span,
  zoneName,
} from './time';

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

describe('the chosen zone', () => {
  afterEach(() => prefer({ timeZone: undefined }));

  test('holds for every time that is shown, and is named', () => {
    prefer({ timeZone: 'Asia/Kolkata' });
    expect(absolute('2026-11-26T20:00:00Z')).toBe('27 Nov 2026, 01:30:00 GMT+5:30 · 2026-11-26T20:00:00Z');
    expect(clockTime('2026-11-26T20:00:00Z')).toBe('01:30:00');
    expect(dayTime('2026-11-26T20:00:00Z')).toBe('Fri 01:30');
    expect(nearTime('2026-11-26T20:00:00Z', Date.parse('2026-11-27T12:00:00Z'))).toBe('01:30');
    expect(exactTime('2026-11-26T20:00:00.0451Z')).toBe('01:30:00.045');
    expect(['Asia/Calcutta', 'Asia/Kolkata']).toContain(zoneName());
  });

  test('is that of the browser where none is chosen, or none that it knows', () => {
    const here = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(Date.parse('2026-11-26T20:00:00Z'));
    for (const timeZone of [undefined, 'Mars/Olympus']) {
      prefer({ timeZone });
      expect(clockTime('2026-11-26T20:00:00Z')).toBe(here);
      expect(dateTime('2026-11-26T20:00:00Z')).not.toContain('GMT');
    }
  });

  test('is where days begin and end, also where clocks are changed', () => {
    for (const [timeZone, day, time, moment] of [
      ['UTC', '2026-11-26', '00:00:00', '2026-11-26T00:00:00.000Z'],
      ['Asia/Kolkata', '2026-11-26', '00:00:00', '2026-11-25T18:30:00.000Z'],
      ['America/New_York', '2026-03-08', '23:59:59', '2026-03-09T03:59:59.000Z'],
      ['America/New_York', '2026-03-08', '00:00:00', '2026-03-08T05:00:00.000Z'],
      ['Europe/Berlin', '2026-10-25', '23:59:59', '2026-10-25T22:59:59.000Z'],
    ] as const) {
      prefer({ timeZone });
      expect(momentAt(day, time), `${timeZone} ${day}`).toBe(moment);
    }
    expect(momentAt('2026-13-45', '00:00:00')).toBeUndefined();
  });
});

test('what is no time has none', () => {
  expect(absolute('soon')).toBe('—');
  expect(exactTime(undefined)).toBe('');
  expect(exactTime('soon')).toBe('');
  expect(clockTime('soon')).toBe('—');
  expect(dayTime('soon')).toBe('—');
  expect(nearTime('soon', now)).toBe('—');
});
