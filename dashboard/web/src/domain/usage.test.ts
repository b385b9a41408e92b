import { expect, test } from 'vitest';
import { cpuText, memoryText, pointsOf, seriesOf, withSample } from './usage';

const items = (cpu: number) => [
  { pod: 'web-a', cpu, memory: 2 ** 20 },
  { pod: 'web-b', cpu: 10, memory: 2 ** 20 },
];

test('what pods use is added up over time', () => {
  const samples = withSample(withSample([], 1, items(5)), 2, items(7));
  expect(seriesOf(samples, ['web-a', 'web-b'])).toEqual({ cpu: [15, 17], memory: [2 ** 21, 2 ** 21] });
  expect(seriesOf(samples, ['web-a'])?.cpu).toEqual([5, 7]);
  expect(seriesOf(samples, ['gone'])).toBeUndefined();
  expect(seriesOf([], ['web-a'])).toBeUndefined();
});

test('a pod that is new used nothing before, and one that is gone is not told of', () => {
  const samples = withSample(withSample([], 1, [{ pod: 'old', cpu: 5, memory: 5 }]), 2, items(7));
  expect(seriesOf(samples, ['web-a'])?.cpu).toEqual([0, 7]);
  expect(seriesOf(samples, ['old'])).toBeUndefined();
});

test('what is old is not kept', () => {
  let samples = withSample([], 0, items(0));
  for (let time = 1; time < 100; time++) samples = withSample(samples, time, items(time));
  expect(samples).toHaveLength(60);
  expect(samples[0]?.time).toBe(40);
});

test('amounts are written as Kubernetes writes them', () => {
  expect([0, 120, 2540].map(cpuText)).toEqual(['0m', '120m', '2.5']);
  const amounts = [12, 1536, 210 * 2 ** 20, 1.5 * 2 ** 30].map(memoryText);
  expect(amounts).toEqual(['12', '1.5Ki', '210Mi', '1.5Gi']);
});

test('a line is drawn from nothing to the most, and of one point there is a line, too', () => {
  expect(pointsOf([0, 5, 10], 40, 10)).toBe('0,10 20,5 40,0');
  expect(pointsOf([10], 40, 10)).toBe('0,0 40,0');
  expect(pointsOf([0, 0], 40, 10)).toBe('0,10 40,10');
});
