/** Events of Kubernetes about the objects of Gimlet, read as whoever is signed in. */

import type { EventLine } from './agents';
import { get, withQuery } from './http';
import type { List } from './kinds';
import type { RightQuestion } from './server';

/** An event of `events.k8s.io/v1`, as far as it is shown. */
export interface KubeEvent {
  metadata: { creationTimestamp?: string };
  type?: string;
  reason?: string;
  note?: string;
  regarding?: { kind?: string; name?: string };
  eventTime?: string | null;
  series?: { count: number; lastObservedTime: string } | null;
  deprecatedLastTimestamp?: string | null;
  deprecatedCount?: number;
}

/** The right to read the events of a namespace. */
export const toReadEvents = (namespace: string): RightQuestion => ({
  group: 'events.k8s.io',
  verb: 'list',
  resource: 'events',
  namespace,
});

/** Makes lines of events, the newest first; one that repeats has the time when it was seen last. */
export const linesOfEvents = (events: readonly KubeEvent[]): EventLine[] =>
  events
    .map(
      ({ metadata, type, reason, note, regarding, eventTime, series, deprecatedLastTimestamp, deprecatedCount }) => ({
        time: series?.lastObservedTime ?? eventTime ?? deprecatedLastTimestamp ?? metadata.creationTimestamp,
        warning: type === 'Warning',
        reason: reason ?? '',
        object: `${regarding?.kind ?? ''}/${regarding?.name ?? ''}`,
        message: note ?? '',
        count: series?.count ?? deprecatedCount ?? 1,
      }),
    )
    .sort((a, b) => (b.time ?? '').localeCompare(a.time ?? ''));

async function readEvents(namespace: string, fieldSelector: string): Promise<EventLine[]> {
  const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
  const { items } = await get<List<KubeEvent>>(withQuery(path, { fieldSelector }));
  return linesOfEvents(items);
}

/** Reads what the operator said of a release. */
export const readReleaseEvents = (namespace: string, name: string) =>
  readEvents(namespace, `regarding.kind=Release,regarding.name=${name}`);

/** Reads which notifications did not get through, from the last hour or so. */
export const readFailedNotifications = (namespace: string) =>
  readEvents(namespace, 'regarding.kind=Environment,reason=NotificationFailed');
