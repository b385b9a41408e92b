import { expect, test } from 'vitest';
import { asText, type Entry, isLater, LogBuffer, wantedBy } from './buffer';

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
  expect(texts(buffer.all(wantedBy((text) => text === 'two', false)))).toEqual(['3 lines left out', 'two']);
  expect(texts(buffer.last(2, everything))).toEqual(['3 lines left out', 'two']);
  expect(asText(buffer.all(everything))).toBe(`${at(1)} a/app one\n--- 3 lines left out ---\n${at(2)} a/app two\n`);
});

test('times are compared however many digits they have', () => {
  expect(isLater('2026-01-01T00:00:01.12Z', '2026-01-01T00:00:01.1Z')).toBe(true);
  expect(isLater('2026-01-01T00:00:01.1Z', '2026-01-01T00:00:01Z')).toBe(true);
  expect(isLater('2026-01-01T00:00:01Z', '2026-01-01T00:00:01Z')).toBe(false);
});

test('a stack trace belongs to its line, though lines of another pod stand between', () => {
  const { buffer, add } = filled();
  add(['a', 1, 'ERROR no stock'], ['a', 1, '\tat shop.Order.take(Order.java:7)'], ['b', 1, 'GET /']);
  add(['a', 2, 'Caused by: shop.Empty'], ['a', 2, '  ... 9 more'], ['a', 2, 'INFO goes on']);
  const all = buffer.all(everything);
  expect(texts(all)).toEqual(['ERROR no stock', 'GET /', 'INFO goes on']);
  expect(all[0]).toMatchObject({
    more: ['\tat shop.Order.take(Order.java:7)', 'Caused by: shop.Empty', '  ... 9 more'],
  });
  expect(buffer.length).toBe(6);
  expect(asText(all.slice(0, 1))).toBe(
    `${at(1)} a/app ERROR no stock\n\tat shop.Order.take(Order.java:7)\nCaused by: shop.Empty\n  ... 9 more\n`,
  );
  expect(texts(buffer.all(wantedBy((text) => text.includes('Empty'), false)))).toEqual(['ERROR no stock']);
});

test('what is said much later, behind a gap or by nobody before is a line of its own', () => {
  const { buffer, add } = filled();
  add(['a', 0, '  at nowhere'], ['a', 1, 'one'], ['a', 9, '  nine']);
  buffer.add([
    buffer.mark('gap', '3 lines left out', at(9)),
    buffer.line({ pod: 'a', container: 'app', time: at(9), text: '  behind' }),
  ]);
  expect(texts(buffer.all(everything))).toEqual(['  at nowhere', 'one', '  nine', '3 lines left out', '  behind']);
});

test('lines that are folded count among those that are held', () => {
  const { buffer, add } = filled(10);
  for (let second = 0; second < 40; second += 4)
    add(['a', second, 'head'], ['a', second, ' one'], ['a', second, ' two']);
  expect(buffer.length).toBeLessThanOrEqual(10);
  expect(buffer.dropped + buffer.length).toBe(30);
});

test('events stand among the lines where they are wanted, but not before the first', () => {
  const { buffer, add } = filled();
  add(['a', 2, 'one'], ['a', 4, 'two']);
  buffer.add([buffer.mark('event', 'old', at(1)), buffer.mark('event', 'BackOff', at(3), { warning: true })]);
  expect(texts(buffer.all(wantedBy(everything, true)))).toEqual(['one', 'BackOff', 'two']);
  expect(texts(buffer.last(9, wantedBy(everything, false)))).toEqual(['one', 'two']);
});
