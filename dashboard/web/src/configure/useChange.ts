/** A change that was sent, and what becomes of it, as it happens. */

import { useQuery } from '@tanstack/react-query';
import { get } from '~/api/http';
import { type ConfigChange, type ConfigChangePhase, pathOf } from '~/api/kinds';
import { useConfigChangeScope } from '~/live/scopes';
import { useFeedStatus, useValue } from '~/live/useFeed';

export interface Sent {
  phase: ConfigChangePhase;
  /** The whole of it, once it was read. */
  change: ConfigChange | undefined;
  error: unknown;
  again: () => void;
}

/** Follows a change: who may not watch it asks for it. */
export function useChange(namespace: string, name: string): Sent {
  const feed = useConfigChangeScope(namespace, name);
  const { problem } = useFeedStatus(feed);
  const pushed = useValue<ConfigChange>(feed, `change:${namespace}/${name}`);
  const read = useQuery({
    queryKey: ['configchange', namespace, name],
    queryFn: () => get<ConfigChange>(pathOf('configchanges', namespace, name)),
    refetchInterval: ({ state: { data } }) => {
      const phase = data?.status?.phase ?? 'Pending';
      return problem && (phase === 'Pending' || phase === 'Proposed') ? 2_000 : false;
    },
  });
  // What is pushed is newer, and has no text.
  const change = read.data && pushed && !problem ? { ...read.data, status: pushed.status } : read.data;
  return {
    phase: change?.status?.phase ?? 'Pending',
    change,
    error: read.error,
    again: () => void read.refetch(),
  };
}
