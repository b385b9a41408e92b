/** Which two commits of an app are compared. Pure. */

/** Two commits, the older one first. */
export interface Pair {
  from: string;
  to: string;
}

/** Reads the commits that were picked from the URL. */
export const pickedFrom = (text: string | undefined) => (text ?? '').split('..').filter(Boolean).slice(0, 2);

/**
 * Returns what to compare: the two that were picked, or one with what is released now, or where none is, what is
 * released now with the release before it. `log` has the newest first; what it has not is older than all of it.
 */
export function pairOf(
  picked: readonly string[],
  log: readonly string[],
  current: string | undefined,
  previous: string | undefined,
): Pair | undefined {
  const place = (commit: string) => {
    const index = log.indexOf(commit);
    return index < 0 ? log.length : index;
  };
  const ordered = picked.length > 0 ? [...picked].sort((a, b) => place(b) - place(a)) : previous ? [previous] : [];
  const [from, to = current] = ordered;
  return from !== undefined && to !== undefined && from !== to ? { from, to } : undefined;
}
