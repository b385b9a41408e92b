import { expect, test } from 'vitest';
import { plain, recognise, saidBy } from './line';

test('what is meant for a terminal is taken away, tabs stay', () => {
  expect(plain('\u001b[1;32mok\u001b[0m\tdone\r')).toBe('ok\tdone');
  expect(plain('\u001b]0;title\u0007text\u001b[2K')).toBe('text');
});

test('levels are known by JSON or by a word at the beginning', () => {
  for (const [text, level] of [
    ['ERROR dial tcp', 'error'],
    ['2026-01-01 [warn] slow', 'warn'],
    ['level=info msg=up', 'info'],
    ['{"severity":"CRITICAL","msg":"x"}', 'error'],
    ['{"level":"trace"}', 'debug'],
    ['Traceback (most recent call last):', 'error'],
    ["thread 'main' (7) panicked at src/main.rs:2:5:", 'error'],
    ["no thread 'main' panicked at all", undefined],
    ['GET / 200', undefined],
    ['{"broken"', undefined],
    [`${'.'.repeat(80)} error`, undefined],
  ] as const) {
    expect(recognise(text)).toBe(level);
  }
});

test('of JSON the message comes first, and its time is not said twice', () => {
  expect(saidBy('{"ts":"now","msg":"up","port":8080,"by":"ada"}')).toEqual({ main: 'up', rest: 'port=8080 by=ada' });
  expect(saidBy('{"a":1}')).toEqual({ main: '{"a":1}', rest: '' });
  expect(saidBy('plain')).toEqual({ main: 'plain', rest: '' });
});
