/** Which pods belong to which workload, and which of them has a log that says what is wrong. Pure. */

import type { Pod, Workload } from '~/api/agents';
import type { Word } from './words';

/** Most pods of one workload that are listed one by one; those with trouble come first. */
const MOST = 50;

/** A workload and those of its pods that are listed. */
export interface Group {
  workload: Workload;
  pods: Pod[];
}

/** Puts pods below their workloads; what belongs to none comes last. */
export function groupPods(workloads: readonly Workload[], pods: readonly Pod[]): { own: Group[]; others: Pod[] } {
  const left = new Set(pods);
  const own = workloads.map((workload) => {
    const names = [workload.name, `${workload.kind}/${workload.name}`];
    const its = pods.filter((pod) => names.includes(pod.workload ?? '') && left.delete(pod));
    return { workload, pods: its.slice(0, MOST) };
  });
  return { own, others: [...left].slice(0, MOST) };
}

/** Returns the word for a pod. */
export const wordOfPod = ({ cause, ready, phase }: Pod): Word =>
  cause ? 'Failed' : ready || phase === 'Succeeded' ? 'Healthy' : 'Progressing';

/** A container whose log says why its pod fails. */
export interface Sick {
  pod: string;
  container: string;
  /** Whether it is the log of the container before: this one was started after the fault. */
  previous: boolean;
}

/** Finds the container to read; nothing where no pod fails, or none of its containers has ever run. */
export function sickOf(pods: readonly Pod[]): Sick | undefined {
  for (const { name, cause, containers = [] } of pods) {
    if (!cause) continue;
    const ran = containers.filter(({ ready, state, last }) => !ready && (last || (state && state.is !== 'waiting')));
    const worst = ran.find(({ last }) => last && last.exitCode !== 0) ?? ran[0];
    if (worst) return { pod: name, container: worst.name, previous: worst.last !== undefined };
  }
  return undefined;
}
