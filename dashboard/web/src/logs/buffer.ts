/** The lines that are held of a log, in the order of their times; the oldest go where there are too many. */

import { type Level, plain, recognise } from './line';

/** Lines that are held. */
export const MOST = 50_000;

/** A line as the server sends it. */
export interface RawLine {
  pod: string;
  container: string;
  time?: string;
  text: string;
}

export interface Line extends RawLine {
  id: number;
  kind: 'line';
  level?: Level;
  /** How often it came one after the other. */
  count: number;
}

/** Something that is no line: where lines are missing, or something happened between two. */
export interface Mark {
  id: number;
  kind: 'gap' | 'note';
  time?: string;
  text: string;
}

export type Entry = Line | Mark;

/** Compares two times of RFC 3339 in UTC, however many digits they have. */
export const isLater = (one: string, other: string) => one.replace(/Z$/, '') > other.replace(/Z$/, '');

const isRepeat = (line: Entry, before: Entry | undefined): before is Line =>
  before?.kind === 'line' &&
  line.kind === 'line' &&
  before.text === line.text &&
  before.pod === line.pod &&
  before.container === line.container;

/** Holds what came of a log. */
export class LogBuffer {
  private entries: Entry[] = [];
  private ids = 0;
  private watchers = new Set<() => void>();
  /** Entries that were let go, because there were too many. */
  dropped = 0;
  /** Changes with each addition. */
  version = 0;

  constructor(private readonly most = MOST) {}

  /** Makes an entry of a line. */
  line(raw: RawLine): Line {
    const text = plain(raw.text);
    const { pod, container, time } = raw;
    return { id: this.ids++, kind: 'line', pod, container, time, text, level: recognise(text), count: 1 };
  }

  /** Makes an entry of something that is no line. */
  mark(kind: Mark['kind'], text: string, time?: string): Mark {
    return { id: this.ids++, kind, text, time };
  }

  /** Takes in what came. Several containers are read at once, so a line may be older than what is held. */
  add(fresh: readonly Entry[]) {
    if (fresh.length === 0) return;
    const earliest = fresh.reduce<string | undefined>(
      (found, { time }) => (time && (!found || isLater(found, time)) ? time : found),
      undefined,
    );
    let from = this.entries.length;
    while (from > 0 && earliest && isLater(this.entries[from - 1]?.time ?? '', earliest)) from--;
    const tail = inOrder([...this.entries.splice(from), ...fresh]);
    for (const entry of tail) {
      const before = this.entries.at(-1);
      if (entry.kind === 'line' && isRepeat(entry, before)) {
        this.entries[this.entries.length - 1] = { ...before, count: before.count + entry.count };
      } else this.entries.push(entry);
    }
    // Letting go of some more at once keeps a busy log from moving all of it for each line.
    if (this.entries.length > this.most * 1.05) {
      this.dropped += this.entries.length - this.most;
      this.entries.splice(0, this.entries.length - this.most);
    }
    this.version++;
    for (const watcher of this.watchers) watcher();
  }

  get length() {
    return this.entries.length;
  }

  /** Lists what is held and wanted. */
  all(keeps: (text: string) => boolean): Entry[] {
    return this.entries.filter((entry) => entry.kind !== 'line' || keeps(entry.text));
  }

  /** Lists the last entries that are wanted. */
  last(many: number, keeps: (text: string) => boolean): Entry[] {
    const found: Entry[] = [];
    for (let at = this.entries.length - 1; at >= 0 && found.length < many; at--) {
      const entry = this.entries[at];
      if (entry && (entry.kind !== 'line' || keeps(entry.text))) found.push(entry);
    }
    return found.reverse();
  }

  watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };
}

/** Sorts by time; what has none stays behind what came before it. */
function inOrder(entries: Entry[]): Entry[] {
  let before = '';
  const timed = entries.map((entry) => {
    before = entry.time ?? before;
    return { entry, time: before };
  });
  timed.sort((one, other) => (isLater(one.time, other.time) ? 1 : isLater(other.time, one.time) ? -1 : 0));
  return timed.map(({ entry }) => entry);
}

/** Writes entries as text, for a file or to paste. */
export const asText = (entries: readonly Entry[]) =>
  entries
    .map((entry) =>
      entry.kind === 'line'
        ? `${[entry.time, `${entry.pod}/${entry.container}`, entry.text].filter(Boolean).join(' ')}${
            entry.count > 1 ? ` (×${entry.count})` : ''
          }\n`
        : `--- ${entry.text} ---\n`,
    )
    .join('');
