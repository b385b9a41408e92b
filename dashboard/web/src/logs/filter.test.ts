import { expect, test } from 'vitest';
import { filterOf } from './filter';

const LINES = ['GET /orders 200', 'GET /healthz 200', 'ERROR no stock'];
const kept = (text: string) => LINES.filter(filterOf(text).keeps);

test('words are wanted, words behind a dash are not', () => {
  expect(kept('')).toEqual(LINES);
  expect(kept('get -healthz')).toEqual(['GET /orders 200']);
  expect(kept('-200')).toEqual(['ERROR no stock']);
  // Somebody is about to write a word behind it.
  expect(kept('-')).toEqual(LINES);
});

test('a pattern stands between slashes', () => {
  expect(kept('/^get .*\\d+$/')).toEqual(['GET /orders 200', 'GET /healthz 200']);
  expect(kept('-/^get/')).toEqual(['ERROR no stock']);
});

test('a pattern that cannot be read keeps everything, and is told', () => {
  expect(kept('/(/')).toEqual(LINES);
  expect(filterOf('/(/').problem).toBeDefined();
});
