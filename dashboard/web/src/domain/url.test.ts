import { expect, test } from 'vitest';
import { type Act, actFromText, actToText } from './act';
import { parseSearch, stringifySearch } from './search';

const acts: Act[] = [
  {
    kind: 'release',
    namespace: 'team',
    app: 'shop',
    environments: ['staging', 'prod-eu'],
    artifact: 'shop-1f0c2a9b3d',
  },
  { kind: 'release', namespace: 'team', app: 'shop', environments: [], artifact: undefined },
  { kind: 'promote', namespace: 'team', app: 'shop', environments: ['prod-eu'], from: 'staging' },
  { kind: 'rollback', namespace: 'team', app: 'shop', environment: 'prod-eu', to: 'shop.prod-eu-x7k2' },
  { kind: 'rollback', namespace: 'team', app: 'shop', environment: 'prod-eu', to: undefined },
  { kind: 'adopt', namespace: 'team', app: 'shop', environment: 'prod-eu', commit: '77de01a' },
];

test.each(acts)('an action survives the URL: $kind', (act) => {
  const search = stringifySearch({ act: actToText(act), q: 'a b&c' });
  const read = parseSearch(search);
  expect(actFromText(read.act)).toEqual(act);
  expect(read.q).toBe('a b&c');
});

test('the URL can be read by people', () => {
  const act: Act = { kind: 'release', namespace: 'team', app: 'shop', environments: ['staging', 'prod-eu'] };
  expect(stringifySearch({ act: actToText(act) })).toBe('?act=release/team/shop/staging~prod-eu');
});

test('numbers and words stay text', () => {
  expect(parseSearch('?q=123&show=true')).toEqual({ q: '123', show: 'true' });
});

test.each([
  '',
  'release',
  'release/team',
  'promote/team/shop/prod',
  'rollback/team/shop',
  'drop/team/shop/x',
  '%E0/x/y',
])('an action that makes no sense is none: %s', (text) => {
  expect(actFromText(text)).toBeUndefined();
});

test('what is not set is not in the URL', () => {
  expect(stringifySearch({ q: undefined, show: '' })).toBe('');
});
