/** Who holds a right, in the order in which people look for them. Pure. */

import type { Holder } from '~/api/server';

/**
 * Tells whether somebody is a part of Kubernetes itself: an account or a user of the system that has the right by nothing but
 * the bindings Kubernetes makes at its start. Groups are none: some of them are everybody.
 */
export function isOfKubernetes({ kind, name, through }: Holder): boolean {
  const own =
    (kind === 'ServiceAccount' && name.startsWith('kube-system/')) || (kind === 'User' && /^system:/.test(name));
  return own && through.every((binding) => binding.startsWith('ClusterRoleBinding system:'));
}

/** Tells people and their programs from parts of Kubernetes. */
export function sorted(holders: readonly Holder[]): { people: Holder[]; kubernetes: Holder[] } {
  return {
    people: holders.filter((each) => !isOfKubernetes(each)),
    kubernetes: holders.filter(isOfKubernetes),
  };
}
