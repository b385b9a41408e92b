/** What pods use of processor and memory, as it was told while the page was open. Pure. */

import type { PodUsage } from '~/api/agents';

/** What is kept: with a look each 15 seconds, a quarter of an hour. */
const MOST = 60;

/** What was told at a moment, by pod. */
export interface Sample {
  time: number;
  pods: Record<string, { cpu: number; memory: number }>;
}

/** Adds what was told; the oldest goes when there is too much. */
export function withSample(samples: readonly Sample[], time: number, items: readonly PodUsage[]): Sample[] {
  const pods = Object.fromEntries(items.map(({ pod, cpu, memory }) => [pod, { cpu, memory }]));
  return [...samples, { time, pods }].slice(-MOST);
}

/** What some pods used together, over time. */
export interface Series {
  cpu: number[];
  memory: number[];
}

/** Adds up what some pods used; nothing where none of them was told of last. Before a pod was told of, it used nothing. */
export function seriesOf(samples: readonly Sample[], pods: readonly string[]): Series | undefined {
  const last = samples[samples.length - 1];
  if (!last || !pods.some((pod) => last.pods[pod])) return undefined;
  const sum = (of: 'cpu' | 'memory') =>
    samples.map((sample) => pods.reduce((total, pod) => total + (sample.pods[pod]?.[of] ?? 0), 0));
  return { cpu: sum('cpu'), memory: sum('memory') };
}

/** Writes thousandths of a processor: `120m`, `2.5`. */
export const cpuText = (cpu: number) => (cpu < 1000 ? `${cpu}m` : String(Math.round(cpu / 100) / 10));

/** Writes bytes as Kubernetes does: `210Mi`, `1.5Gi`. */
export function memoryText(memory: number): string {
  const units: [number, string][] = [
    [2 ** 30, 'Gi'],
    [2 ** 20, 'Mi'],
    [2 ** 10, 'Ki'],
  ];
  const [size, unit] = units.find(([size]) => memory >= size) ?? [1, ''];
  const amount = memory / size;
  return `${amount < 10 && size > 1 ? Math.round(amount * 10) / 10 : Math.round(amount)}${unit}`;
}

/** Returns the points of a line in a box, from nothing at the bottom to the most at the top. */
export function pointsOf(values: readonly number[], width: number, height: number): string {
  const most = Math.max(...values, 1);
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const x = (index: number) => (values.length > 1 ? index * step : width);
  const points = values.map((value, index) => [x(index), height - (value / most) * height]);
  // Of one point there would be nothing to see.
  if (points.length === 1) points.unshift([0, points[0]?.[1] ?? height]);
  return points.map((point) => point.map((each) => Math.round(each * 10) / 10).join(',')).join(' ');
}
