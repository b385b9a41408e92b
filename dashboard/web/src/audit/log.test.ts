import { expect, test } from 'vitest';
import { denialsOf, filterLog, type LogPage, mergeLogs, releasesThatKnow, toCsv, withDenials } from './log';

const page = (environment: string, times: string[], next?: string): LogPage => ({
  namespace: 'team',
  environment,
  page: {
    items: times.map((time) => ({ commit: `${environment}${time}`, time, subject: 's', action: 'release' })),
    next,
  },
});

test('the logs of environments become one, newest first', () => {
  const merged = mergeLogs([page('dev', ['5', '3', '1']), page('prod', ['4', '2'])]);
  expect(merged.map(({ time, environment }) => `${time} ${environment}`)).toEqual([
    '5 dev',
    '4 prod',
    '3 dev',
    '2 prod',
    '1 dev',
  ]);
});

test('what is older than the end of an unfinished log is held back, so that no hole shows', () => {
  const first = [page('dev', ['9', '8'], 'c'), page('prod', ['7', '1'])];
  expect(mergeLogs(first).map(({ time }) => time)).toEqual(['9', '8']);
  expect(mergeLogs([...first, page('dev', ['6'])]).map(({ time }) => time)).toEqual(['9', '8', '7', '6', '1']);
});

test('a commit without an action was made by hand', () => {
  const [entry] = mergeLogs([page('dev', ['1'])]);
  if (!entry) throw new Error('there is one');
  const hand = { ...entry, action: undefined, requestedBy: 'carol' };
  expect(filterLog([entry, hand], { action: 'by hand', text: 'CAROL' })).toEqual([hand]);
});

test('a spreadsheet gets text, not formulas', () => {
  const [entry] = mergeLogs([page('dev', ['1'])]);
  if (!entry) throw new Error('there is one');
  const lines = toCsv([{ ...entry, reason: '=HYPERLINK("x")', requestedBy: 'a,b' }]).split('\r\n');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain(`"a,b"`);
  expect(lines[1]).toContain(`"'=HYPERLINK(""x"")"`);
});

const denial = {
  id: '1',
  time: '5',
  user: 'dan',
  what: 'create releases',
  namespace: 'team',
  app: 'shop',
  environment: 'prod',
  why: 'dan cannot create releases',
};

test('what was refused stands in the log as far as it is wanted', () => {
  expect(denialsOf([denial], { app: 'other' })).toEqual([]);
  expect(denialsOf([denial], { since: '6' })).toEqual([]);
  expect(denialsOf([denial], { until: '4' })).toEqual([]);
  expect(denialsOf([denial], { until: '5' })).toHaveLength(1);
  expect(denialsOf([denial], { person: 'ada' })).toEqual([]);
  const refused = denialsOf([denial], { app: 'shop', environment: 'prod', person: 'dan', since: '4' });
  expect(filterLog(refused, { action: 'denied', text: 'cannot create' })).toHaveLength(1);
});

test('what was refused before the last entry of an unfinished log is held back', () => {
  const log = mergeLogs([page('prod', ['9', '7', '6'])]);
  const refused = denialsOf([denial], {});
  expect(withDenials(log, refused, true)).toHaveLength(3);
  expect(withDenials(log, refused, false).map(({ time }) => time)).toEqual(['9', '7', '6', '5']);
});

test('one release of each environment is asked where its commits are, the newest', () => {
  const log = mergeLogs([page('dev', ['9', '8', '7']), page('prod', ['6'])]);
  const named = log.map((entry) => (entry.time === '9' ? entry : { ...entry, release: `shop-${entry.time}` }));
  expect(releasesThatKnow(named)).toEqual([
    { namespace: 'team', environment: 'dev', release: 'shop-8' },
    { namespace: 'team', environment: 'prod', release: 'shop-6' },
  ]);
});
