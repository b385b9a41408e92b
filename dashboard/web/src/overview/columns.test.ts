import { expect, test } from 'vitest';
import { moved, ordered, shown } from './columns';

const columns = ['dev', 'staging', 'prod'].map((name) => ({ name, cards: [] }));
const names = (list: { name: string }[]) => list.map(({ name }) => name).join(' ');

test('columns stand in the chosen order, and new ones after them', () => {
  expect(names(ordered(columns, ['prod', 'gone', 'dev']))).toBe('prod dev staging');
  expect(names(ordered(columns, []))).toBe('dev staging prod');
});

test('hidden columns are left out, but never all', () => {
  expect(names(shown(columns, ['staging']))).toBe('dev prod');
  expect(names(shown(columns, ['dev', 'staging', 'prod']))).toBe('dev staging prod');
});

test('a column moves by one place, and the usual order is none', () => {
  expect(moved(columns, columns, 'prod', -1)).toEqual(['dev', 'prod', 'staging']);
  expect(moved(ordered(columns, ['dev', 'prod']), columns, 'prod', 1)).toEqual([]);
  expect(moved(ordered(columns, ['prod']), columns, 'prod', -1)).toEqual(['prod', 'dev', 'staging']);
  expect(moved(columns, columns, 'gone', 1)).toEqual([]);
});
