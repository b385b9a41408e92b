import { describe, expect, it } from 'vitest';
import type { Pod, Workload } from '~/api/agents';
import { groupPods, sickOf } from './pods';

const workload = (kind: string, name: string): Workload => ({
  kind,
  name,
  wanted: 1,
  ready: 1,
  updated: 1,
  images: [],
  word: 'Healthy',
});
const pod = (name: string, workload?: string): Pod => ({
  name,
  ...(workload ? { workload } : {}),
  phase: 'Running',
  ready: true,
  restarts: 0,
});

describe('groupPods', () => {
  it('puts each pod below its workload, whichever way that is named', () => {
    const pods = [pod('web-1', 'Deployment/web'), pod('job-1', 'report'), pod('alone')];
    const { own, others } = groupPods([workload('Deployment', 'web'), workload('CronJob', 'report')], pods);
    expect(own.map(({ pods }) => pods.map(({ name }) => name))).toEqual([['web-1'], ['job-1']]);
    expect(others.map(({ name }) => name)).toEqual(['alone']);
  });

  it('shows a pod once where two workloads have the same name', () => {
    const { own } = groupPods([workload('Deployment', 'web'), workload('Job', 'web')], [pod('web-1', 'web')]);
    expect(own.map(({ pods }) => pods.length)).toEqual([1, 0]);
  });

  it('lists no more than a person reads', () => {
    const many = Array.from({ length: 80 }, (_, number) => pod(`web-${number}`, 'web'));
    expect(groupPods([workload('Deployment', 'web')], many).own[0]?.pods.length).toBe(50);
  });
});

describe('sickOf', () => {
  const cause = { reason: 'CrashLoopBackOff', message: 'ends with 1', nextStep: 'read its log' };
  const last = { exitCode: 1 };

  it('finds the container that broke, and reads the one before where it was started again', () => {
    const sick = {
      ...pod('web-2'),
      cause,
      containers: [
        { name: 'proxy', ready: true, restarts: 0, state: { is: 'running' } },
        { name: 'app', ready: false, restarts: 7, state: { is: 'waiting' }, last },
      ],
    };
    expect(sickOf([pod('web-1'), sick])).toEqual({ pod: 'web-2', container: 'app', previous: true });
  });

  it('reads the present container where it runs and is not ready', () => {
    const slow = {
      ...pod('web-1'),
      cause,
      containers: [{ name: 'app', ready: false, restarts: 0, state: { is: 'running' } }],
    };
    expect(sickOf([slow])).toEqual({ pod: 'web-1', container: 'app', previous: false });
  });

  it('finds nothing where all is well, or no image could be had', () => {
    const imageless = {
      ...pod('web-1'),
      cause,
      containers: [{ name: 'app', ready: false, restarts: 0, state: { is: 'waiting' } }],
    };
    expect(sickOf([pod('web-2'), imageless])).toBeUndefined();
  });
});
