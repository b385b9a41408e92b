/** What happened around an app, among the lines of its log: events of its cluster, and releases. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { type EventLine, readEvents } from '~/api/agents';
import type { Release } from '~/api/kinds';
import type { Panel } from '~/domain/panel';
import { OFTEN } from './EventList';
import type { LogStream } from './stream';

export interface Happening {
  key: string;
  time: string;
  text: string;
  warning: boolean;
}

/** Lists events and the steps of releases that have a time. */
export function happeningsOf(events: readonly EventLine[], releases: readonly Release[]): Happening[] {
  const told = events.flatMap(({ time, warning, reason, object, message, count }) =>
    time
      ? [
          {
            key: `${time} ${object} ${reason} ${message}`,
            time,
            text: `${reason} ${object}${count > 1 ? ` ×${count}` : ''}: ${message}`,
            warning,
          },
        ]
      : [],
  );
  const steps = releases.flatMap(({ metadata: { name }, status }) =>
    (['committed', 'healthy'] as const).flatMap((step) => {
      const time = status?.timestamps?.[step];
      const version = status?.version ? ` ${status.version}` : '';
      return time ? [{ key: `${name} ${step}`, time, text: `release ${name}${version} ${step}`, warning: false }] : [];
    }),
  );
  return [...told, ...steps];
}

/** Puts them into a log while that is wanted, each once. */
export function useTimeLine(
  stream: LogStream,
  { namespace, environment, app }: Panel,
  releases: readonly Release[],
  wanted: boolean,
) {
  const events = useQuery({
    queryKey: ['events', namespace, environment, app],
    queryFn: () => readEvents(namespace, environment, app),
    enabled: wanted,
    refetchInterval: ({ state }) => (state.error ? false : OFTEN),
  });
  const known = useRef<{ stream: LogStream; keys: Set<string> }>(undefined);
  useEffect(() => {
    if (!wanted) return;
    if (known.current?.stream !== stream) known.current = { stream, keys: new Set() };
    const { keys } = known.current;
    const fresh = happeningsOf(events.data ?? [], releases).filter(({ key }) => !keys.has(key));
    for (const { key } of fresh) keys.add(key);
    stream.happened(fresh);
  }, [stream, events.data, releases, wanted]);
  return wanted ? events.error : null;
}
