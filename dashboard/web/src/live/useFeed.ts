import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { Feed, type FeedStatus } from './feed';
import { type Entry, LiveSocket, type Scope } from './socket';

const socket = new LiveSocket(() => {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return new WebSocket(`${scheme}://${location.host}/api/v1/live`);
});

/** How long a feed is kept after its last reader, so that going back shows it at once. */
const LINGER = 30_000;
/** Feeds of a page at once, for which those that nobody reads make room: the server takes 32. */
const MOST = 20;

interface Shared {
  feed: Feed;
  readers: number;
  end: ReturnType<typeof setTimeout> | undefined;
}

const shared = new Map<string, Shared>();

/** One drawing a frame; a hidden tab draws nothing, and is told by a timer. */
function nextFrame(work: () => void) {
  if (document.hidden) setTimeout(work, 250);
  else requestAnimationFrame(work);
}

function acquire(scope: Scope, load: () => Promise<Entry[]>): Shared {
  const id = JSON.stringify(scope);
  let entry = shared.get(id);
  if (!entry) {
    entry = { feed: new Feed(scope, load, socket, nextFrame), readers: 0, end: undefined };
    begin(id, entry);
    // A drawing that is thrown away never reads it.
    leave(id, entry);
  }
  return entry;
}

function begin(id: string, entry: Shared) {
  shared.set(id, entry);
  for (const [old, { feed, readers, end }] of shared) {
    if (shared.size <= MOST) break;
    if (readers > 0 || old === id) continue;
    clearTimeout(end);
    feed.stop();
    shared.delete(old);
  }
  entry.feed.start();
}

function leave(id: string, entry: Shared) {
  entry.end = setTimeout(() => {
    entry.feed.stop();
    if (shared.get(id) === entry) shared.delete(id);
  }, LINGER);
}

/** Forgets everything that was read as somebody else. */
export function forgetFeeds() {
  for (const { feed } of shared.values()) feed.stop();
  shared.clear();
}

/** Follows a scope for as long as the component is there. `load` must be the same for the same scope. */
export function useFeed(scope: Scope, load: () => Promise<Entry[]>): Feed {
  const id = JSON.stringify(scope);
  const [held, hold] = useState(() => ({ id, entry: acquire(scope, load) }));
  let current = held;
  if (held.id !== id) {
    current = { id, entry: acquire(scope, load) };
    hold(current);
  }
  const { entry } = current;
  useEffect(() => {
    clearTimeout(entry.end);
    if (!shared.has(id)) begin(id, entry);
    entry.readers++;
    return () => {
      entry.readers--;
      if (entry.readers === 0) leave(id, entry);
    };
  }, [id, entry]);
  return entry.feed;
}

/** Reads one value, and draws again when it changes. */
export function useValue<T>(feed: Feed, key: string): T | undefined {
  const watch = useCallback((watcher: () => void) => feed.watchKey(key, watcher), [feed, key]);
  return useSyncExternalStore(watch, () => feed.get(key)) as T | undefined;
}

/** Reads all values whose keys begin so. */
export function useValues<T>(feed: Feed, prefix: string): T[] {
  const watch = useCallback((watcher: () => void) => feed.watchPrefix(prefix, watcher), [feed, prefix]);
  return useSyncExternalStore(watch, () => feed.list(prefix)) as T[];
}

/** Reads how well a feed is. */
export function useFeedStatus(feed: Feed): FeedStatus {
  const watch = useCallback((watcher: () => void) => feed.watchStatus(watcher), [feed]);
  return useSyncExternalStore(watch, () => feed.status);
}

/** Reads the state of the live connection. */
export function useConnection() {
  const connection = useSyncExternalStore(
    useCallback((watcher: () => void) => socket.watch(watcher), []),
    () => socket.connection,
  );
  return { connection, heardAt: socket.heardAt, reconnect: () => socket.reconnect() };
}
