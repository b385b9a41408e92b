import { useSyncExternalStore } from 'react';
import { absolute, agoText, relative } from '~/domain/time';

/** One clock for all ages on the page. */
let now = Date.now();
const watchers = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

function watch(watcher: () => void) {
  watchers.add(watcher);
  ticking ??= setInterval(() => {
    now = Date.now();
    for (const each of watchers) each();
  }, 5000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

/** Returns the time of the page's clock, in whole steps. */
export const useNow = () => useSyncExternalStore(watch, () => now);

/** How long ago something was; the time itself is in the tooltip. With `ago` it is part of a sentence. */
export function Age({ time, ago }: { time: string | null | undefined; ago?: boolean }) {
  const at = useNow();
  const now = Math.max(at, Date.now() - 5000);
  return (
    <time dateTime={time ?? undefined} title={absolute(time)} className="age">
      {ago ? agoText(time, now) : relative(time, now)}
    </time>
  );
}
