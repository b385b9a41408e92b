import { useEffect, useState, useSyncExternalStore } from 'react';
import { readLogs } from '~/api/agents';
import type { Panel } from '~/domain/panel';
import { LogBuffer } from './buffer';
import { type LogQuery, LogStream } from './stream';

/** Reads a log for as long as the component is there; another query begins anew. */
export function useLog({ namespace, environment, app }: Panel, query: LogQuery) {
  const { pods, containers, previous, sinceSeconds, tail, follow } = query;
  const [round, setRound] = useState(0);
  const make = () =>
    new LogStream(
      { pods, containers, previous, sinceSeconds, tail, follow },
      (asked, signal) => readLogs({ namespace, environment, app }, { ...asked }, signal),
      new LogBuffer(),
    );
  const id = JSON.stringify([
    namespace,
    environment,
    app,
    pods,
    containers,
    previous,
    sinceSeconds,
    tail,
    follow,
    round,
  ]);
  const [held, hold] = useState(() => ({ id, stream: make() }));
  let current = held;
  if (held.id !== id) {
    current = { id, stream: make() };
    hold(current);
  }
  const { stream } = current;
  useEffect(() => {
    const running = stream.run();
    // Whatever goes wrong is in its status.
    void running;
    return () => stream.stop();
  }, [stream]);
  const status = useSyncExternalStore(stream.watch, () => stream.status);
  useSyncExternalStore(stream.buffer.watch, () => stream.buffer.version);
  return { stream, status, again: () => setRound(round + 1) };
}
