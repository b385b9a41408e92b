import { useEffect, useEffectEvent, useRef } from 'react';

/** What changes at once is asked for once. */
const GATHER = 300;

/**
 * Asks again for what cannot be pushed, such as pages of git's history, whenever what is pushed has changed. `told` is
 * a text of what matters; nothing while it is not known yet.
 */
export function useRefetchOn(told: string | undefined, refetch: () => void) {
  const known = useRef<string>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const ask = useEffectEvent(refetch);
  useEffect(() => {
    const before = known.current;
    if (told === undefined || told === before) return;
    known.current = told;
    if (before === undefined) return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      ask();
    }, GATHER);
  }, [told]);
  useEffect(() => () => clearTimeout(timer.current), []);
}
