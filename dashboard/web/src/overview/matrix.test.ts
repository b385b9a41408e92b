import { expect, test } from 'vitest';
import type { Cell, EnvironmentCard, Row } from '~/api/server';
import { awayOf, cardIn, columnsOf, counts, isShut, nextAfter, select, stepsOf } from './matrix';

const row = (app: string, cells: Record<string, Partial<Cell>>): Row => ({
  key: `team/${app}`,
  namespace: 'team',
  app,
  cells: Object.fromEntries(Object.entries(cells).map(([name, cell]) => [name, { word: 'Healthy', ...cell }])),
});
const card = (name: string, more: Partial<EnvironmentCard> = {}): EnvironmentCard => ({
  namespace: 'team',
  name,
  word: 'Healthy',
  ...more,
});
const rows = [
  row('checkout', { dev: { version: '9f3c1a2', author: 'Ada' }, prod: { word: 'Waiting', behind: 2 } }),
  row('catalog', { dev: { word: 'Failed' } }),
  row('search', { dev: { word: 'Drifted', version: 'v1.8.0' } }),
];
const usual = { text: '', show: 'all', order: 'name', stars: [], user: undefined } as const;
const names = (question: Partial<Parameters<typeof select>[1]>) =>
  select(rows, { ...usual, ...question }).map(({ app }) => app);

test('all words of the filter must be in the row, wherever', () => {
  expect(names({ text: 'ADA 9f3' })).toEqual(['checkout']);
  expect(names({ text: 'ada v1.8' })).toEqual([]);
  expect(names({ text: 'v1.8' })).toEqual(['search']);
});

test('starred apps come first, then names', () => {
  expect(names({})).toEqual(['catalog', 'checkout', 'search']);
  expect(names({ stars: ['team/search'] })).toEqual(['search', 'catalog', 'checkout']);
});

test('problems first means the worst cell of each row', () => {
  expect(names({ order: 'worst' })).toEqual(['catalog', 'search', 'checkout']);
});

test('rows are shown and counted by what one of their cells is', () => {
  expect(names({ show: 'behind' })).toEqual(['checkout']);
  expect(names({ show: 'mine', user: 'Ada' })).toEqual(['checkout']);
  expect(counts(rows, 'Ada')).toEqual({ all: 3, failing: 1, waiting: 1, drifted: 1, behind: 1, mine: 1 });
});

test('an environment that only a row names has a column too', () => {
  expect(columnsOf([card('prod'), card('dev')], [row('a', { old: {} })]).map(({ name }) => name)).toEqual([
    'prod',
    'dev',
    'old',
  ]);
});

test('the next environment is the one that promotes from here, else the next column', () => {
  const columns = columnsOf([card('dev'), card('qa'), card('prod', { promotesFrom: 'dev' })], []);
  expect(nextAfter(columns, 'team', 'dev')).toBe('prod');
  expect(nextAfter(columns, 'team', 'qa')).toBe('prod');
  expect(nextAfter(columns, 'team', 'prod')).toBeUndefined();
  expect(nextAfter(columns, 'other', 'dev')).toBeUndefined();
});

test('several apps are promoted from where one of them runs', () => {
  const columns = columnsOf([card('dev'), card('qa'), card('prod')], []);
  const steps = (...rows: Row[]) => stepsOf(columns, rows).map(({ from, to }) => `${from} → ${to}`);
  expect(steps(row('a', { dev: {} }), row('b', { qa: {} }))).toEqual(['dev → qa', 'qa → prod']);
  expect(steps(row('a', { prod: {} }))).toEqual([]);
  expect(steps()).toEqual([]);
});

test('a column is shut where no app of it may be read', () => {
  const shut = { appsHidden: true };
  const [both, one, none] = columnsOf(
    [card('a', shut), card('b', shut), { ...card('b'), namespace: 'other' }],
    [row('x', { c: {} })],
  );
  expect([both, one, none].map((column) => column && isShut(column))).toEqual([true, false, false]);
});

test('a column says since when nothing is seen of it, of several since the longest time', () => {
  const of = (...seen: (string | undefined | null)[]) =>
    awayOf({
      name: 'prod',
      cards: seen.map((each) => card('prod', each === null ? {} : { away: each ? { seen: each } : {} })),
    });
  expect(of(null, null)).toBeUndefined();
  expect(of('2026-01-02')).toEqual({ seen: '2026-01-02', some: undefined });
  expect(of('2026-01-02', '2026-01-01', null)).toEqual({ seen: '2026-01-01', some: '2 of 3' });
  expect(of('2026-01-02', undefined)).toEqual({ seen: undefined, some: undefined });
});

test('the environment of a cell is that of the namespace of its row', () => {
  const other = { ...card('dev'), namespace: 'other' };
  expect(cardIn({ name: 'dev', cards: [card('dev'), other] }, 'other')).toBe(other);
  expect(cardIn({ name: 'dev', cards: [other] }, 'team')).toBeUndefined();
});
