/** What is known of one scope: values by key, each with subscribers of its own. */

import { Problem } from '~/api/http';
import type { Connection, Entry, Listener, Scope } from './socket';

export interface FeedStatus {
  /** Whether anything was ever loaded. */
  loaded: boolean;
  /** Why the newest load failed; what was loaded before is still shown. */
  problem: Problem | undefined;
  /** When the values were last known to be right. */
  at: number;
}

/** Where a feed gets its changes from. */
export interface Source {
  readonly connection: Connection;
  subscribe(scope: Scope, listener: Listener): () => void;
  watch(watcher: () => void): () => void;
}

/** Puts off work to the next frame, so that many messages make one drawing. */
export type Schedule = (work: () => void) => void;

/** How often is asked while there is no live connection. */
const POLL = 10_000;

export class Feed {
  private readonly values = new Map<string, unknown>();
  private readonly byKey = new Map<string, Set<() => void>>();
  private readonly lists = new Map<string, Set<() => void>>();
  private readonly listCache = new Map<string, string[]>();
  private readonly valueCache = new Map<string, unknown[]>();
  private readonly statusWatchers = new Set<() => void>();
  private readonly dirty = new Set<string>();
  private moved = false;
  private scheduled = false;
  private generation = 0;
  private poll: ReturnType<typeof setInterval> | undefined;
  /** Whether the live connection takes no subscription of it, so that nothing comes by itself. */
  private refused = false;
  private endings: (() => void)[] = [];

  status: FeedStatus = { loaded: false, problem: undefined, at: 0 };

  constructor(
    readonly scope: Scope,
    private readonly load: () => Promise<Entry[]>,
    private readonly source: Source,
    private readonly schedule: Schedule,
  ) {}

  /** Loads, and follows the changes until `stop`. */
  start() {
    const listener: Listener = {
      snapshot: (entries) => {
        this.refused = false;
        this.follow();
        this.replace(entries);
      },
      change: (upserts, deletes) => this.apply(upserts, deletes),
      refused: (problem) => {
        this.refused = true;
        this.follow();
        this.fail(problem);
      },
    };
    this.endings = [this.source.subscribe(this.scope, listener), this.source.watch(() => this.follow())];
    void this.reload();
    this.follow();
  }

  stop() {
    for (const end of this.endings) end();
    this.endings = [];
    clearInterval(this.poll);
    this.poll = undefined;
  }

  /** Asks the server now. A snapshot that comes meanwhile is newer, and wins. */
  async reload() {
    const asked = ++this.generation;
    try {
      const entries = await this.load();
      if (asked === this.generation) this.replace(entries);
    } catch (cause) {
      if (asked !== this.generation) return;
      this.fail(cause instanceof Problem ? cause : new Problem(0, 'Failed', String(cause)));
    }
  }

  get(key: string): unknown {
    return this.values.get(key);
  }

  /** Returns the keys that begin so, the same array until one comes or goes. */
  keys(prefix: string): string[] {
    let keys = this.listCache.get(prefix);
    if (!keys) {
      keys = [...this.values.keys()].filter((key) => key.startsWith(prefix));
      this.listCache.set(prefix, keys);
    }
    return keys;
  }

  /** Returns the values whose keys begin so, the same array until one changes. */
  list(prefix: string): unknown[] {
    let values = this.valueCache.get(prefix);
    if (!values) {
      values = this.keys(prefix).map((key) => this.values.get(key));
      this.valueCache.set(prefix, values);
    }
    return values;
  }

  watchKey(key: string, watcher: () => void) {
    return watchIn(this.byKey, key, watcher);
  }

  /** Calls back when anything whose key begins so changes. */
  watchPrefix(prefix: string, watcher: () => void) {
    return watchIn(this.lists, prefix, watcher);
  }

  watchStatus(watcher: () => void) {
    this.statusWatchers.add(watcher);
    return () => this.statusWatchers.delete(watcher);
  }

  private follow() {
    const live = this.source.connection === 'open' && !this.refused;
    if (live) {
      clearInterval(this.poll);
      this.poll = undefined;
    } else {
      this.poll ??= setInterval(() => void this.reload(), POLL);
    }
  }

  private replace(entries: Entry[]) {
    this.generation++;
    const gone = new Set(this.values.keys());
    for (const { key, value } of entries) {
      gone.delete(key);
      this.put(key, value);
    }
    for (const key of gone) this.drop(key);
    this.become({ loaded: true, problem: undefined, at: Date.now() });
    this.plan();
  }

  private apply(upserts: Entry[], deletes: string[]) {
    for (const { key, value } of upserts) this.put(key, value);
    for (const key of deletes) this.drop(key);
    this.status.at = Date.now();
    this.plan();
  }

  private put(key: string, value: unknown) {
    if (!this.values.has(key)) this.moved = true;
    this.values.set(key, value);
    this.dirty.add(key);
  }

  private drop(key: string) {
    if (!this.values.delete(key)) return;
    this.moved = true;
    this.dirty.add(key);
  }

  private fail(problem: Problem) {
    this.become({ ...this.status, problem });
  }

  private become(status: FeedStatus) {
    const known = this.status;
    this.status = status;
    if (known.loaded === status.loaded && known.problem === status.problem) return;
    for (const watcher of this.statusWatchers) watcher();
  }

  private plan() {
    if (this.scheduled) return;
    this.scheduled = true;
    this.schedule(() => this.flush());
  }

  private flush() {
    this.scheduled = false;
    const dirty = [...this.dirty];
    this.dirty.clear();
    if (this.moved) this.listCache.clear();
    this.moved = false;
    const prefixes = new Set([...this.lists.keys(), ...this.valueCache.keys()]);
    const touched = [...prefixes].filter((prefix) => dirty.some((key) => key.startsWith(prefix)));
    for (const prefix of touched) this.valueCache.delete(prefix);
    for (const key of dirty) for (const watcher of this.byKey.get(key) ?? []) watcher();
    for (const prefix of touched) for (const watcher of this.lists.get(prefix) ?? []) watcher();
  }
}

function watchIn(watchers: Map<string, Set<() => void>>, key: string, watcher: () => void) {
  const set = watchers.get(key) ?? new Set();
  watchers.set(key, set.add(watcher));
  return () => {
    set.delete(watcher);
    if (set.size === 0) watchers.delete(key);
  };
}
