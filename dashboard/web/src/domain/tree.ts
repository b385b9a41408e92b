/** What an app owns, as a tree: from what Flux has applied down to pods. Pure. */

import type { AppState, FluxItem, Pod, Workload } from '~/api/agents';
import { wordOfPod } from './pods';
import { type Word, wordOfFlux } from './words';

/** An object of the tree. */
export interface Branch {
  kind: string;
  name: string;
  /** Where that is not the app's own. */
  namespace?: string;
  /** Nothing where nobody follows the object: it is there, for Flux has applied it. */
  word?: Word;
  text?: string;
  /** The pod itself, to lead to its log. */
  pod?: string;
  children: Branch[];
  /** Objects below it that are not told one by one. */
  omitted?: number;
}

interface Named {
  kind: string;
  namespace?: string;
  name: string;
}

/** Puts the objects of an app below what made them; those that nobody is known to have made stand at the top. */
export function treeOf(state: AppState): Branch[] {
  const { workloads = [], pods = [], links = [], flux = [], inventories = [], omittedPods = 0 } = state;
  const known = new Map<string, Branch>();
  const placed = new Set<Branch>();
  // Another namespace may have an object of the same name: that is not the one which is followed.
  const idOf = ({ kind, namespace = state.namespace, name }: Named) => `${kind}/${namespace}/${name}`;
  const add = (branch: Branch) => {
    if (!known.has(idOf(branch))) known.set(idOf(branch), branch);
    return branch;
  };
  const put = (below: Branch, branch: Branch) => {
    // Flux' own objects may name each other: what is above is not put below.
    if (placed.has(branch) || holds(branch, below)) return;
    placed.add(branch);
    below.children.push(branch);
  };

  const appliers = flux.map((item) => add(branchOf(item)));
  const runners = workloads.map((workload) => add(branchOfWorkload(workload, pods)));
  const scalers = workloads.flatMap(({ autoscalers = [] }, index) =>
    autoscalers.map(({ name, min, max, desired }) => ({
      of: runners[index],
      branch: add({
        kind: 'HorizontalPodAutoscaler',
        name,
        text: `between ${min} and ${max}, wants ${desired}`,
        children: [],
      }),
    })),
  );
  const reached = links.map(({ kind, name, url }) => add({ kind, name, text: url, children: [] }));

  for (const inventory of inventories) {
    const { objects, omitted } = inventory;
    const applier = known.get(idOf(inventory));
    if (!applier) continue;
    for (const object of objects) {
      const { kind, namespace, name } = object;
      const elsewhere = namespace && namespace !== state.namespace ? { namespace } : {};
      put(applier, known.get(idOf(object)) ?? { kind, name, ...elsewhere, children: [] });
    }
    if (omitted) applier.omitted = omitted;
  }
  for (const { of, branch } of scalers) if (of) put(of, branch);

  // What no list has was applied by whoever tells none: Helm, or the Kustomization of all apps.
  const silent = flux.filter(
    (item) =>
      ['Kustomization', 'HelmRelease'].includes(item.kind) && !inventories.some((each) => idOf(each) === idOf(item)),
  );
  const last = silent[silent.length - 1];
  const rest = last && known.get(idOf(last));
  const alone = pods.filter(({ workload }) => !runners.some((branch) => belongs(branch, workload))).map(branchOfPod);
  const loose = [...runners, ...new Set(reached.map((branch) => known.get(idOf(branch)) ?? branch)), ...alone];
  for (const branch of loose) if (rest) put(rest, branch);

  const top = [...appliers, ...loose].filter((branch) => !placed.has(branch));
  if (omittedPods) top.push({ kind: '', name: '', children: [], omitted: omittedPods });
  return top;
}

const holds = (branch: Branch, other: Branch): boolean =>
  branch === other || branch.children.some((child) => holds(child, other));

const branchOf = (item: FluxItem): Branch => ({
  kind: item.kind,
  name: item.name,
  namespace: item.namespace,
  word: wordOfFlux(item),
  text: item.suspended ? 'suspended' : item.ready === false ? item.message : undefined,
  children: [],
});

const belongs = ({ kind, name }: Branch, workload: string | undefined) =>
  workload === name || workload === `${kind}/${name}`;

/** A workload with what stands between it and its pods, the newest version as its pods come: in trouble first. */
function branchOfWorkload({ kind, name, word, cause, ready, wanted, cron }: Workload, pods: readonly Pod[]): Branch {
  const text = cause ? `${cause.reason}: ${cause.message}` : cron ? undefined : `${ready}/${wanted} ready`;
  const branch: Branch = { kind, name, word: cron?.suspended ? 'Waiting' : word, text, children: [] };
  const between = new Map<string, Branch>();
  for (const pod of pods.filter(({ workload }) => belongs(branch, workload))) {
    const [ownerKind = '', ownerName] = pod.owner?.split('/') ?? [];
    if (!pod.owner || !ownerName) {
      branch.children.push(branchOfPod(pod));
      continue;
    }
    let owner = between.get(pod.owner);
    if (!owner) {
      owner = { kind: ownerKind, name: ownerName, children: [] };
      between.set(pod.owner, owner);
      branch.children.push(owner);
    }
    owner.children.push(branchOfPod(pod));
  }
  return branch;
}

const branchOfPod = (pod: Pod): Branch => ({
  kind: 'Pod',
  name: pod.name,
  word: wordOfPod(pod),
  text: pod.cause ? `${pod.cause.reason}: ${pod.cause.message}` : pod.phase,
  pod: pod.name,
  children: [],
});
