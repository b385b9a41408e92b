import { expect, test } from 'vitest';
import { linesOfEvents } from './events';

const regarding = { kind: 'Release', name: 'shop.prod-x' };

test('an event that repeats stands where it was seen last, the newest first', () => {
  const lines = linesOfEvents([
    {
      metadata: {},
      type: 'Warning',
      reason: 'RolloutFailed',
      note: 'pods crash',
      regarding,
      eventTime: '2026-11-26T12:00:01.000000Z',
      series: { count: 4, lastObservedTime: '2026-11-26T12:00:09.000000Z' },
    },
    { metadata: {}, type: 'Normal', reason: 'Committed', note: 'in git', regarding, eventTime: '2026-11-26T12:00:05Z' },
  ]);
  expect(lines.map(({ reason, count, warning }) => [reason, count, warning])).toEqual([
    ['RolloutFailed', 4, true],
    ['Committed', 1, false],
  ]);
  expect(lines[0]?.object).toBe('Release/shop.prod-x');
});

test('events that an older recorder wrote have a time and a number, too', () => {
  const [line] = linesOfEvents([
    { metadata: {}, eventTime: null, deprecatedLastTimestamp: '2026-11-26T12:00:05Z', deprecatedCount: 3 },
  ]);
  expect(line).toMatchObject({ time: '2026-11-26T12:00:05Z', count: 3 });
});
