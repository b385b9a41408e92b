/** Which pods belong to which workload. */

import type { Pod, Workload } from '~/api/agents';

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
