/** Plans of releases that are not made yet: a Release that only plans, for each target, deleted afterwards. */

import { type UseQueryResult, useQueries } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { get, Problem, post, remove } from '~/api/http';
import { condition, pathOf, type Release } from '~/api/kinds';
import { type PlanView, readPlan } from '~/api/views';
import { newRelease, type Order } from '~/domain/releaseSpec';
import { hasEnded } from '~/domain/words';

export interface Planned {
  release: Release;
  /** The difference; missing where the view of git cannot be had. */
  view: PlanView | undefined;
}

/** How long the operator is waited for before the plan is said to be late. */
const PATIENCE = 60_000;

const pause = (milliseconds: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('cancelled', 'AbortError'));
    });
  });

/** Creates the Release that only plans, and waits for its plan. `made` is told its name at once. */
async function plan(order: Order, signal: AbortSignal, made: (name: string) => void): Promise<Planned> {
  const { namespace } = order;
  let release = await post<Release>(pathOf('releases', namespace), newRelease({ ...order, planOnly: true }));
  const { name } = release.metadata;
  made(name);
  const end = Date.now() + PATIENCE;
  for (let wait = 200; !hasEnded(release.status?.phase); wait = Math.min(wait * 1.5, 1500)) {
    if (Date.now() > end) {
      throw new Problem(504, 'Timeout', 'The operator has not planned it within a minute. Is it running?');
    }
    await pause(wait, signal);
    release = await get<Release>(pathOf('releases', namespace, name), signal);
  }
  const phase = release.status?.phase;
  if (phase !== 'Planned' && phase !== 'Unchanged') {
    const ready = condition(release.status?.conditions, 'Ready');
    throw new Problem(422, ready?.reason ?? 'Failed', ready?.message ?? 'it cannot be planned');
  }
  return { release, view: await readPlan(namespace, name).catch(() => undefined) };
}

/** Deletes a plan. Who may not delete leaves it to the operator's retention. */
function forget(name: string, namespace: string) {
  remove(pathOf('releases', namespace, name)).catch(() => undefined);
}

/** Plans orders while they are shown. Another order is planned anew, and no plan is left behind. */
export function usePlans(orders: Order[]): UseQueryResult<Planned>[] {
  const made = useRef(new Map<string, string>());
  const shown = useRef(true);
  useEffect(() => {
    const names = made.current;
    shown.current = true;
    return () => {
      shown.current = false;
      for (const [name, namespace] of names) forget(name, namespace);
      names.clear();
    };
  }, []);

  return useQueries({
    queries: orders.map((order) => {
      const { namespace, app, environment, source } = order;
      // Some are refused without a reason; of the plan it is no part.
      const asked: Order = { namespace, app, environment, source, reason: 'plan' };
      return {
        queryKey: ['plan', asked],
        queryFn: ({ signal }: { signal: AbortSignal }) =>
          plan(asked, signal, (name) => {
            if (!shown.current) return forget(name, namespace);
            made.current.set(name, namespace);
            signal.addEventListener('abort', () => forget(name, namespace));
          }),
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 0,
        retry: false,
        refetchOnWindowFocus: false,
      };
    }),
  });
}
