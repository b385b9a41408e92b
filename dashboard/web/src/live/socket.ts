/** The one WebSocket of a tab: subscriptions are messages on it, and survive a reconnect. */

import { Problem } from '~/api/http';

export interface Scope {
  kind:
    | 'overview'
    | 'app'
    | 'release'
    | 'releaseset'
    | 'environment'
    | 'releases'
    | 'repository'
    | 'repositories'
    | 'configchange'
    | 'denials';
  namespace?: string;
  environment?: string;
  name?: string;
}

export interface Entry {
  key: string;
  value: unknown;
}

/** What a subscriber is told. */
export interface Listener {
  /** Everything there is, after each (re)connection. */
  snapshot(entries: Entry[]): void;
  change(upserts: Entry[], deletes: string[]): void;
  refused(problem: Problem): void;
}

interface Frame {
  op?: 'ping' | 'resync';
  sub?: string;
  seq?: number;
  snapshot?: Entry[];
  upserts?: Entry[];
  deletes?: string[];
  error?: { status: number; reason: string; detail: string };
}

interface Subscription {
  scope: Scope;
  listener: Listener;
  seq: number | undefined;
}

export type Connection = 'connecting' | 'open' | 'lost';

/** A connection without a word for this long is dead; the server pings each 15 s. */
const SILENCE = 40_000;
const LONGEST_PAUSE = 20_000;

export class LiveSocket {
  private socket: WebSocket | undefined;
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly watchers = new Set<() => void>();
  private nextId = 1;
  private attempts = 0;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;

  connection: Connection = 'connecting';
  /** When the server was last heard. */
  heardAt = 0;

  constructor(private readonly open: () => WebSocket) {}

  /** Subscribes to a scope; the returned function ends it. The first one connects, the last one hangs up. */
  subscribe(scope: Scope, listener: Listener): () => void {
    const id = String(this.nextId++);
    this.subscriptions.set(id, { scope, listener, seq: undefined });
    if (this.connection === 'open') this.ask(id, scope);
    else if (!this.socket && !this.retry) this.connect();
    return () => {
      this.subscriptions.delete(id);
      if (this.connection === 'open') this.say({ op: 'unsub', id });
    };
  }

  /** Calls back when the connection's state changes. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Connects anew at once, for somebody who does not want to wait. */
  reconnect() {
    clearTimeout(this.retry);
    this.retry = undefined;
    if (!this.socket) this.connect();
  }

  private connect() {
    const socket = this.open();
    this.socket = socket;
    socket.onopen = () => {
      this.attempts = 0;
      this.become('open');
      this.listen();
      for (const [id, { scope }] of this.subscriptions) this.ask(id, scope);
    };
    socket.onmessage = (event) => {
      this.listen();
      this.take(JSON.parse(String(event.data)) as Frame);
    };
    socket.onclose = () => this.lose(socket);
  }

  private lose(socket: WebSocket) {
    if (this.socket !== socket) return;
    this.socket = undefined;
    clearTimeout(this.silence);
    this.become('lost');
    const pause = Math.min(LONGEST_PAUSE, 500 * 2 ** this.attempts++) * (0.5 + Math.random());
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.connect();
    }, pause);
  }

  private listen() {
    this.heardAt = Date.now();
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      const socket = this.socket;
      if (!socket) return;
      socket.close();
      this.lose(socket);
    }, SILENCE);
  }

  private take(frame: Frame) {
    if (frame.op === 'ping') return;
    const subscription = frame.sub === undefined ? undefined : this.subscriptions.get(frame.sub);
    if (!subscription || frame.sub === undefined) return;
    const { listener } = subscription;
    if (frame.error) {
      const { status, reason, detail } = frame.error;
      listener.refused(new Problem(status, reason, detail));
      return;
    }
    const gap = frame.seq !== undefined && subscription.seq !== undefined && frame.seq > subscription.seq + 1;
    if (frame.op === 'resync' || (gap && !frame.snapshot)) {
      this.say({ op: 'unsub', id: frame.sub });
      this.ask(frame.sub, subscription.scope);
      return;
    }
    subscription.seq = frame.seq;
    if (frame.snapshot) listener.snapshot(frame.snapshot);
    if (frame.upserts?.length || frame.deletes?.length) listener.change(frame.upserts ?? [], frame.deletes ?? []);
  }

  private ask(id: string, scope: Scope) {
    const subscription = this.subscriptions.get(id);
    if (subscription) subscription.seq = undefined;
    this.say({ op: 'sub', id, scope });
  }

  private say(message: unknown) {
    this.socket?.send(JSON.stringify(message));
  }

  private become(connection: Connection) {
    this.connection = connection;
    for (const watcher of this.watchers) watcher();
  }
}
