import { useEffect, useRef } from 'react';
import type { Running } from '~/api/agents';
import type { Again } from './buffer';
import type { LogStream } from './stream';

export interface Restart extends Again {
  text: string;
  /** When the container before ended. */
  time?: string;
}

type Counts = ReadonlyMap<string, number>;

const countsOf = (running: Running | undefined): Counts =>
  new Map(
    (running?.state.pods ?? []).flatMap(({ name: pod, containers = [] }) =>
      containers.map(({ name, restarts }) => [`${pod}/${name}`, restarts] as const),
    ),
  );

/** Lists the containers that were started again since they were counted last; at first those of which it is known when. */
export function restartsOf(running: Running | undefined, before: Counts | undefined): Restart[] {
  return (running?.state.pods ?? []).flatMap(({ name: pod, containers = [] }) =>
    containers.flatMap(({ name: container, restarts, last }) => {
      const key = `${pod}/${container}`;
      const known = before?.get(key) ?? (last?.at ? 0 : restarts);
      if (restarts <= known) return [];
      const how = last ? ` after exit code ${last.exitCode}${last.reason ? ` (${last.reason})` : ''}` : '';
      return [{ pod, container, time: last?.at, text: `${key} was started again${how}` }];
    }),
  );
}

/** Marks in the log where a container was started again, as the agent says; the log of one before has no such place. */
export function useRestarts(stream: LogStream, running: Running | undefined, isPrevious: boolean) {
  const known = useRef<{ stream: LogStream; counts: Counts }>(undefined);
  useEffect(() => {
    if (!running || isPrevious) return;
    const before = known.current?.stream === stream ? known.current.counts : undefined;
    for (const { pod, container, text, time } of restartsOf(running, before)) {
      stream.mark('note', text, { time, again: { pod, container } });
    }
    known.current = { stream, counts: countsOf(running) };
  }, [stream, running, isPrevious]);
}
