/** Keys of the page: whoever is shown last comes first. The bar at the bottom and the help list them. */

import { useEffect, useRef, useSyncExternalStore } from 'react';
import { currentPreferences } from '~/domain/preferences';

export interface Binding {
  /** As `KeyboardEvent.key` says it; `g o` is a chord. */
  key: string;
  label: string;
  run: () => void;
}

interface Layer {
  bindings: Binding[];
}

let layers: Layer[] = [];
let listed: Binding[] = [];
const watchers = new Set<() => void>();
let chord = '';
let chordEnd: ReturnType<typeof setTimeout> | undefined;

function publish() {
  const seen = new Set<string>();
  listed = [...layers]
    .reverse()
    .flatMap((layer) => layer.bindings)
    .filter(({ key }) => !seen.has(key) && seen.add(key));
  for (const watcher of watchers) watcher();
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches('input:not([type=checkbox]), textarea, select'));

/** A dialog that is open keeps the keys of the page from acting behind it. */
const isCovered = () => document.querySelector('[role="dialog"], [role="menu"]') !== null;

/** What a control does with a key by itself comes first. */
const isOfControl = ({ key, target }: KeyboardEvent) =>
  target instanceof HTMLElement &&
  ((key === 'Enter' && target.matches('a, button')) || (key === ' ' && target.matches('button, input, summary')));

function press(event: KeyboardEvent) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || isCovered()) return;
  const single = event.key.length === 1;
  if (single && !currentPreferences().singleKeys) return;
  if (isOfControl(event)) return;
  const pressed = chord ? `${chord} ${event.key}` : event.key;
  clearTimeout(chordEnd);
  chord = '';
  const binding = listed.find(({ key }) => key === pressed);
  if (binding) {
    event.preventDefault();
    binding.run();
  } else if (listed.some(({ key }) => key.startsWith(`${pressed} `))) {
    chord = pressed;
    chordEnd = setTimeout(() => {
      chord = '';
    }, 1500);
  }
}

/** Gives the page some keys while the component is there. */
export function useKeys(bindings: Binding[]) {
  const latest = useRef(bindings);
  const shape = bindings.map(({ key, label }) => `${key}\t${label}`).join('\n');
  useEffect(() => {
    latest.current = bindings;
  });
  useEffect(() => {
    const layer: Layer = {
      bindings: shape
        .split('\n')
        .filter(Boolean)
        .map((line) => {
          const [key = '', label = ''] = line.split('\t');
          return { key, label, run: () => latest.current.find((each) => each.key === key)?.run() };
        }),
    };
    if (layers.length === 0) document.addEventListener('keydown', press);
    layers = [...layers, layer];
    publish();
    return () => {
      layers = layers.filter((each) => each !== layer);
      if (layers.length === 0) document.removeEventListener('keydown', press);
      publish();
    };
  }, [shape]);
}

const watch = (watcher: () => void) => {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
};

/** Returns the keys that are valid now. */
export const useListedKeys = () => useSyncExternalStore(watch, () => listed);
