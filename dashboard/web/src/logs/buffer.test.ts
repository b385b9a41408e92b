import { expect, test } from 'vitest';
import { asText, type Entry, isLater, LogBuffer } from './buffer';

const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
const everything = () => true;

function filled(most?: number) {
  const buffer = new LogBuffer(most);
  const add = (...lines: [pod: string, second: number, text: string][]) =>
    buffer.add(lines.map(([pod, second, text]) => buffer.line({ pod, container: 'app', time: at(second), text })));
  return { buffer, add };
}
const texts = (entries: readonly Entry[]) => entries.map(({ text }) => text);

test('lines of several pods stand in the order of their times', () => {
  const { buffer, add } = filled();
  add(['a', 1, 'a1'], ['a', 3, 'a3']);
  add(['b', 2, 'b2'], ['b', 4, 'b4']);
  expect(texts(buffer.all(everything))).toEqual(['a1', 'b2', 'a3', 'b4']);
});

test('a line that repeats is counted', () => {
  const { buffer, add } = filled();
  add(['a', 1, 'again'], ['a', 2, 'again']);
  add(['a', 3, 'again'], ['b', 4, 'again']);
  expect(buffer.all(everything)).toMatchObject([{ count: 3 }, { count: 1, pod: 'b' }]);
});

test('there are never more than fit, and what goes is counted', () => {
  const { buffer, add } = filled(10);
  for (let second = 0; second < 40; second++) add(['a', second, `line ${second}`]);
  expect(buffer.length).toBeLessThanOrEqual(10);
  expect(buffer.dropped + buffer.length).toBe(40);
  expect(texts(buffer.last(1, everything))).toEqual(['line 39']);
});

test('a mark stays behind the line after which it was made, whatever is wanted', () => {
  const { buffer, add } = filled();
  add(['a', 1, 'one']);
  buffer.add([
    buffer.mark('gap', '3 lines left out', at(1)),
    buffer.line({ pod: 'a', container: 'app', time: at(2), text: 'two' }),
  ]);
  expect(texts(buffer.all((text) => text === 'two'))).toEqual(['3 lines left out', 'two']);
  expect(texts(buffer.last(2, everything))).toEqual(['3 lines left out', 'two']);
  expect(asText(buffer.all(everything))).toBe(`${at(1)} a/app one\n--- 3 lines left out ---\n${at(2)} a/app two\n`);
});

test('times are compared however many digits they have', () => {
  expect(isLater('2026-01-01T00:00:01.12Z', '2026-01-01T00:00:01.1Z')).toBe(true);
  expect(isLater('2026-01-01T00:00:01.1Z', '2026-01-01T00:00:01Z')).toBe(true);
  expect(isLater('2026-01-01T00:00:01Z', '2026-01-01T00:00:01Z')).toBe(false);
});
