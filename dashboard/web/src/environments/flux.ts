/** What the agent of an environment tells of Flux' own objects. Pure. */

import type { FluxItem } from '~/api/agents';
import type { Environment, FluxObject } from '~/api/kinds';

/** Says how many of the objects are ready; nothing where none is known. */
export const readyText = (objects: readonly FluxObject[] = []): string | undefined =>
  objects.length > 0 ? `${objects.filter(({ ready }) => ready).length}/${objects.length} Ready` : undefined;

const isSource = ({ kind }: FluxItem) => kind.endsWith('Repository');

/** Lists the objects for Flux to look at, what is fetched before what is applied of it. */
export function itemsOf({ spec, status }: Environment): FluxItem[] {
  const namespace = spec.flux?.namespace ?? 'flux-system';
  const items = (status?.agent?.flux ?? []).map(
    ({ kind, name, suspended }): FluxItem => ({ kind, namespace, name, suspended }),
  );
  return [...items.filter(isSource), ...items.filter((item) => !isSource(item))];
}

/** Says how Flux is asked where it is in Gimlet's own cluster: the dashboard has no right to anything of it. */
export const reconcileHere = ({ metadata, spec }: Environment) =>
  `The dashboard does not ask Flux in its own cluster: flux reconcile kustomization gimlet-${metadata.name} -n ${spec.flux?.namespace ?? 'flux-system'} --with-source does.`;
