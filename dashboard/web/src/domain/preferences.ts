/** What a person chose for this browser. Nothing of it leaves the browser. */

import { useSyncExternalStore } from 'react';

export interface Preferences {
  /** Whether single letters are keys. */
  singleKeys: boolean;
  /** Whether rows are low. */
  dense: boolean;
  /** Whether differences stand side by side. */
  splitDiff: boolean;
  /** The time zone that times are shown in; that of the browser where there is none. */
  timeZone?: string;
  /** Starred apps, as `namespace/app`. */
  stars: string[];
  /** Width of the panel of logs, in pixels. */
  panelWidth: number;
}

const NAME = 'gimlet.preferences';
const usual: Preferences = { singleKeys: true, dense: false, splitDiff: false, stars: [], panelWidth: 760 };
const watchers = new Set<() => void>();
let preferences = read();

function read(): Preferences {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? '{}') as Partial<Preferences>;
    return { ...usual, ...kept };
  } catch {
    return usual;
  }
}

/** Changes some preferences, and keeps them. */
export function prefer(change: Partial<Preferences>) {
  preferences = { ...preferences, ...change };
  try {
    localStorage.setItem(NAME, JSON.stringify(preferences));
  } catch {
    // A browser without storage keeps them until the page is closed.
  }
  for (const watcher of watchers) watcher();
}

export const currentPreferences = () => preferences;

const watch = (watcher: () => void) => {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
};

export const usePreferences = () => useSyncExternalStore(watch, currentPreferences);

/** Stars an app, or takes its star away. */
export function toggleStar(key: string) {
  const { stars } = preferences;
  prefer({ stars: stars.includes(key) ? stars.filter((each) => each !== key) : [...stars, key] });
}
