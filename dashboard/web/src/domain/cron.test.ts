import { expect, test } from 'vitest';
import type { CronTimes, Workload } from '~/api/agents';
import { lastRun, nextRun } from './cron';

const now = Date.parse('2026-11-28T12:00:00Z');
const next = (cron: Partial<CronTimes>) => nextRun({ schedule: '0 2 * * *', suspended: false, ...cron }, now);

test('the next run is reckoned in the time zone of the CronJob, also over a change of its clocks', () => {
  expect(next({})).toBe('2026-11-29T02:00:00.000Z');
  expect(next({ timeZone: 'Europe/Vienna' })).toBe('2026-11-29T01:00:00.000Z');
  const summer = Date.parse('2026-10-24T12:00:00Z');
  const cron = { schedule: '0 2 25 10 *', timeZone: 'Europe/Vienna', suspended: false };
  expect(nextRun(cron, summer)).toBe('2026-10-25T00:00:00.000Z');
});

test('expressions are read as Kubernetes reads them', () => {
  expect(next({ schedule: '*/15 * ? * ?' })).toBe('2026-11-28T12:15:00.000Z');
  expect(next({ schedule: '@hourly' })).toBe('2026-11-28T13:00:00.000Z');
  // The 1st, or a Monday.
  expect(next({ schedule: '0 0 1 * mon' })).toBe('2026-11-30T00:00:00.000Z');
});

test('what is suspended, or makes no sense, has no next run', () => {
  expect(next({ suspended: true })).toBeUndefined();
  expect(next({ schedule: 'whenever' })).toBeUndefined();
  expect(next({ schedule: '0 2 30 2 *' })).toBeUndefined();
  expect(next({ timeZone: 'Middle/Earth' })).toBeUndefined();
  // Seconds would be a field too many.
  expect(next({ schedule: '0 0 2 * * *' })).toBeUndefined();
});

test('the last run went well, failed, goes on, or is not known', () => {
  const cron = { schedule: '0 2 * * *', suspended: false, lastSchedule: '2026-11-28T02:00:00Z' };
  const base: Workload = {
    kind: 'CronJob',
    name: 'report',
    wanted: 0,
    ready: 0,
    updated: 0,
    images: [],
    word: 'Healthy',
    cron,
  };
  const success = { ...cron, lastSuccess: '2026-11-28T02:04:00Z' };
  const before = { ...cron, lastSuccess: '2026-11-27T02:04:00Z' };
  const cause = { reason: 'BackoffLimitExceeded', message: 'it failed', nextStep: '' };
  const word = (workload: Partial<Workload>) => lastRun({ ...base, ...workload })?.word;
  expect(lastRun({ ...base, cron: success })).toEqual({ word: 'Healthy', time: cron.lastSchedule });
  expect(word({ cron: before, cause })).toBe('Failed');
  expect(word({ cron: before, updated: 1, cause })).toBe('Progressing');
  expect(word({ cron: before })).toBe('Unknown');
  expect(word({ cron: { schedule: '0 2 * * *', suspended: false } })).toBeUndefined();
  expect(word({ cron: undefined })).toBeUndefined();
});
