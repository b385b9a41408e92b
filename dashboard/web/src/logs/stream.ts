/** A log on its way: read, and read on after the connection was lost. */

import { Problem } from '~/api/http';
import { span } from '~/domain/time';
import { type Again, type Entry, isLater, type LogBuffer, type RawLine } from './buffer';

export interface LogQuery {
  pods: string;
  containers: string;
  previous: boolean;
  sinceSeconds?: number;
  /** Only so many of the last lines of each container. */
  tail?: number;
  follow: boolean;
}

export interface StreamStatus {
  /** Whether it is asked for, comes, is over, was lost and is tried again, or was refused. */
  state: 'asking' | 'open' | 'over' | 'lost' | 'refused';
  problem?: unknown;
}

type Open = (query: LogQuery, signal: AbortSignal) => AsyncIterable<string[]>;

/** What is drawn at most so often. */
const BEAT = 100;
/** Seconds that are read twice after a loss, so that nothing between is missed. */
const OVERLAP = 5;

const longest = 15_000;
const wait = (milliseconds: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** What is refused stays refused; an agent that is away may come back. */
const mayPass = (error: unknown) => !(error instanceof Problem) || error.status === 0 || error.status >= 502;

/** Reads one log into a buffer until it is stopped. */
export class LogStream {
  private ended = new AbortController();
  private readonly known = new Map<string, string>();
  private readonly watchers = new Set<() => void>();
  private fresh: Entry[] = [];
  private beat: ReturnType<typeof setTimeout> | undefined;
  private heard: number | undefined;
  private lastTime: string | undefined;
  status: StreamStatus = { state: 'asking' };

  constructor(
    private readonly query: LogQuery,
    private readonly open: Open,
    readonly buffer: LogBuffer,
    private readonly pause = 1000,
  ) {}

  /** Begins, and returns when it is over. */
  async run(): Promise<void> {
    this.ended = new AbortController();
    const { signal } = this.ended;
    let lost: { at: number; why: string } | undefined;
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        for await (const lines of this.open(this.next(), signal)) {
          tries = 0;
          if (lost && this.heard !== undefined) {
            this.note(`${span(Date.now() - lost.at)} without a connection: ${lost.why}`);
          }
          lost = undefined;
          this.say({ state: 'open' });
          this.take(lines);
        }
        if (!this.query.follow) return this.say({ state: 'over' });
        lost ??= { at: Date.now(), why: 'the server ended the answer' };
      } catch (problem) {
        if (signal.aborted) return;
        if (!this.query.follow || !mayPass(problem)) return this.say({ state: 'refused', problem });
        lost ??= { at: Date.now(), why: problem instanceof Error ? problem.message : String(problem) };
        this.say({ state: 'lost', problem });
      }
      // By chance a little shorter, so that not everybody comes back at once.
      await wait(Math.min(longest, this.pause * 2 ** tries) * (0.7 + Math.random() * 0.3), signal);
    }
  }

  stop() {
    this.ended.abort();
    clearTimeout(this.beat);
  }

  watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** After a loss, what came since the last line is asked for. */
  private next(): LogQuery {
    if (this.heard === undefined) return this.query;
    return { ...this.query, sinceSeconds: Math.ceil((Date.now() - this.heard) / 1000) + OVERLAP };
  }

  private take(lines: readonly string[]) {
    for (const text of lines) {
      const said = JSON.parse(text) as Partial<RawLine> & { dropped?: number; error?: Problem };
      if (said.error) throw new Problem(said.error.status, said.error.reason, said.error.detail);
      if (said.dropped) this.mark('gap', `${said.dropped} lines left out: there were too many at once`);
      if (said.text === undefined) continue;
      const raw = { pod: said.pod ?? '', container: said.container ?? '', time: said.time, text: said.text };
      const key = `${raw.pod}/${raw.container}`;
      const before = this.known.get(key);
      if (raw.time && before && !isLater(raw.time, before)) continue;
      if (raw.time) {
        this.known.set(key, raw.time);
        this.lastTime = raw.time;
      }
      this.heard = Date.now();
      this.fresh.push(this.buffer.line(raw));
    }
    this.flush();
  }

  private note(text: string) {
    this.mark('gap', text);
  }

  /** Puts a mark where it belongs by its time, or else behind the last line. */
  mark(kind: 'gap' | 'note', text: string, { time, again }: { time?: string; again?: Again } = {}) {
    this.fresh.push(this.buffer.mark(kind, text, time ?? this.lastTime, { again }));
    this.flush();
  }

  /** Puts what happened where it belongs by its time. */
  happened(all: readonly { time: string; text: string; warning: boolean }[]) {
    if (all.length === 0) return;
    this.fresh.push(...all.map(({ time, text, warning }) => this.buffer.mark('event', text, time, { warning })));
    this.flush();
  }

  private flush() {
    this.beat ??= setTimeout(() => {
      this.beat = undefined;
      this.buffer.add(this.fresh.splice(0));
    }, BEAT);
  }

  private say(status: StreamStatus) {
    if (this.status.state === status.state && this.status.problem === status.problem) return;
    this.status = status;
    for (const watcher of this.watchers) watcher();
  }
}
