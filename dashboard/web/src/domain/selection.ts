/** The apps that are selected in the overview, as `namespace/app`. Kept while the page lives, wherever one looks meanwhile. */

import { useSyncExternalStore } from 'react';

let selection: ReadonlySet<string> = new Set();
const watchers = new Set<() => void>();

function become(next: ReadonlySet<string>) {
  selection = next;
  for (const watcher of watchers) watcher();
}

export const currentSelection = () => selection;

/** Selects an app, or takes it out. */
export function toggleSelected(key: string) {
  const next = new Set(selection);
  if (!next.delete(key)) next.add(key);
  become(next);
}

/** Selects apps, or takes them out; all others stay as they are. */
export function selectAll(keys: readonly string[], selected: boolean) {
  const next = new Set(selection);
  for (const key of keys) {
    if (selected) next.add(key);
    else next.delete(key);
  }
  become(next);
}

/** Selects nothing any more. */
export const clearSelection = () => become(new Set());

const watch = (watcher: () => void) => {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
};

export const useSelection = () => useSyncExternalStore(watch, currentSelection);
