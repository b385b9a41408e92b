import { expect, test } from 'vitest';
import type { Row } from '~/api/server';
import type { Word } from '~/domain/words';
import { groupFrom, type Line, linesOf, namesFrom, namesToText, toggled, troublesOf } from './lines';

const row = (app: string, more: Partial<Row> = {}, word: Word = 'Healthy'): Row => ({
  key: `team/${app}`,
  namespace: 'team',
  app,
  cells: { dev: { word } },
  ...more,
});
const rows = [
  row('api', { repository: 'b/shop' }),
  row('blog', { repository: 'a/blog', partOf: 'site' }, 'Failed'),
  row('cart', { repository: 'b/shop', partOf: 'market' }, 'Waiting'),
  row('old'),
];
const text = (lines: Line[]) =>
  lines.map((line) => (line.kind === 'app' ? line.row.app : `${line.name}(${line.rows.length})`)).join(' ');

test('without a group there are only apps', () => {
  expect(text(linesOf(rows, undefined, ['team'], 'name'))).toBe('api blog cart old');
});

test('apps stand below the head of their group, those that say nothing last', () => {
  expect(text(linesOf(rows, 'repository', [], 'name'))).toBe('a/blog(1) blog b/shop(2) api cart -(1) old');
  expect(text(linesOf(rows, 'part', [], 'name'))).toBe('market(1) cart site(1) blog -(2) api old');
  expect(text(linesOf(rows, 'namespace', [], 'name'))).toBe('team(4) api blog cart old');
});

test('a folded group has a head alone, which counts all the same', () => {
  expect(text(linesOf(rows, 'repository', ['b/shop', '-'], 'name'))).toBe('a/blog(1) blog b/shop(2) -(1)');
});

test('problems first is true of groups, too', () => {
  const reversed = linesOf([...rows].reverse(), 'repository', [], 'worst');
  expect(text(reversed)).toBe('a/blog(1) blog b/shop(2) cart api -(1) old');
  expect(text(linesOf([row('a', { partOf: 'a' }), row('b', { partOf: 'b' }, 'Failed')], 'part', [], 'worst'))).toBe(
    'b(1) b a(1) a',
  );
});

test('what is wrong in a group is counted, worst first', () => {
  expect(troublesOf(rows)).toEqual([
    ['Failed', 1],
    ['Waiting', 1],
  ]);
});

test('groups and names are read from the address', () => {
  expect([groupFrom('part'), groupFrom('team'), groupFrom(undefined)]).toEqual(['part', undefined, undefined]);
  expect(namesFrom('a,b,')).toEqual(['a', 'b']);
  expect([namesToText(['a', 'b']), namesToText([])]).toEqual(['a,b', undefined]);
  expect([toggled(['a', 'b'], 'a'), toggled(['a'], 'b')]).toEqual([['b'], ['a', 'b']]);
});
