import { useEffect, useRef } from 'react';
import type { Running } from '~/api/agents';
import type { LogStream } from './stream';

/** Marks in the log when a container was started again, as the agent says. */
export function useRestarts(stream: LogStream, running: Running | undefined) {
  const known = useRef<{ stream: LogStream; restarts: Map<string, number> }>(undefined);
  useEffect(() => {
    const before = known.current?.stream === stream ? known.current.restarts : undefined;
    const now = new Map<string, number>();
    for (const pod of running?.state.pods ?? []) {
      for (const { name, restarts, last } of pod.containers ?? []) {
        const key = `${pod.name}/${name}`;
        now.set(key, restarts);
        if (restarts <= (before?.get(key) ?? restarts)) continue;
        const how = last ? ` after exit code ${last.exitCode}${last.reason ? ` (${last.reason})` : ''}` : '';
        stream.mark('note', `${key} was started again${how}`);
      }
    }
    known.current = { stream, restarts: now };
  }, [stream, running]);
}
