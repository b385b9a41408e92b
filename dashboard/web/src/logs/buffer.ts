/** The lines that are held of a log, in the order of their times; the oldest go where there are too many. */

import { type Level, plain, recognise } from './line';
import { continues, isOpen, mayContinue, reachesOver } from './trace';

/** Lines that are held. */
export const MOST = 50_000;
/** Lines that are folded into one. */
const DEEPEST = 500;
/** Entries of others that may stand between a line and more of it. */
const REACH = 200;
/** What belongs together is written at once, in milliseconds. */
const TOGETHER = 2000;

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
  /** Lines that are more of it, such as those of a stack trace. */
  more?: string[];
  /** When the last part of it was written, where it has several. */
  until?: string;
}

/** Something that is no line: where lines are missing, or something happened between two. */
export interface Mark {
  id: number;
  kind: 'gap' | 'note' | 'event';
  time?: string;
  text: string;
  warning?: boolean;
  /** The container that another one ran before, where one began. */
  again?: Again;
}

export interface Again {
  pod: string;
  container: string;
}

export type Entry = Line | Mark;

/** Compares two times of RFC 3339 in UTC, however many digits they have. */
export const isLater = (one: string, other: string) => one.replace(/Z$/, '') > other.replace(/Z$/, '');

const sourceOf = ({ pod, container }: RawLine) => `${pod}/${container}`;

/** Returns how many lines an entry stands for. */
const linesIn = (entry: Entry) => 1 + (entry.kind === 'line' ? (entry.more?.length ?? 0) : 0);

/** Sums the lines of entries. */
export const linesOf = (entries: readonly Entry[]) => entries.reduce((sum, entry) => sum + linesIn(entry), 0);

/** Tells which entries are wanted: lines that a filter keeps with all that is folded into them, and events, if at all. */
export function wantedBy(keeps: (text: string) => boolean, events: boolean): (entry: Entry) => boolean {
  return (entry) => {
    if (entry.kind === 'line') return keeps(entry.more ? [entry.text, ...entry.more].join('\n') : entry.text);
    return events || entry.kind !== 'event';
  };
}

const isRepeat = (line: Entry, before: Entry | undefined): before is Line =>
  before?.kind === 'line' &&
  line.kind === 'line' &&
  !before.more &&
  !line.more &&
  before.text === line.text &&
  before.pod === line.pod &&
  before.container === line.container;

/** Holds what came of a log. */
export class LogBuffer {
  private entries: Entry[] = [];
  private ids = 0;
  private held = 0;
  /** Containers whose next line is more of their last one, whatever it says. */
  private open = new Set<string>();
  private watchers = new Set<() => void>();
  /** Lines that were let go, because there were too many. */
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
  mark(kind: Mark['kind'], text: string, time?: string, more: Pick<Mark, 'warning' | 'again'> = {}): Mark {
    return { id: this.ids++, kind, text, time, ...more };
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
    const tail = this.entries.splice(from);
    this.held -= linesOf(tail);
    for (const entry of inOrder([...tail, ...fresh])) this.put(entry);
    // Letting go of some more at once keeps a busy log from moving all of it for each line.
    if (this.held > this.most * 1.05) this.shrink();
    this.version++;
    for (const watcher of this.watchers) watcher();
  }

  /** Returns how many lines are held. */
  get length() {
    return this.held;
  }

  private put(entry: Entry) {
    if (entry.kind === 'line' && this.fold(entry)) return;
    const before = this.entries.at(-1);
    if (entry.kind === 'line' && isRepeat(entry, before)) {
      this.entries[this.entries.length - 1] = {
        ...before,
        count: before.count + entry.count,
        until: entry.until ?? entry.time,
      };
      return;
    }
    this.entries.push(entry);
    this.held += linesIn(entry);
    if (entry.kind === 'line' && !entry.more && isOpen(entry.text)) this.open.add(sourceOf(entry));
  }

  /** Puts a line that is more of an earlier one to that; those of other containers may stand between them. */
  private fold(line: Line): boolean {
    const isExpected = this.open.size > 0 && this.open.delete(sourceOf(line));
    if (line.more || !(isExpected || mayContinue(line.text))) return false;
    const last = Math.max(0, this.entries.length - REACH);
    let blank: number | undefined;
    for (let at = this.entries.length - 1; at >= last; at--) {
      const owner = this.entries[at];
      // Behind a gap nobody knows what it belongs to.
      if (!owner || owner.kind === 'gap') return false;
      if (owner.kind !== 'line' || owner.pod !== line.pod || owner.container !== line.container) continue;
      if (blank === undefined && reachesOver(line.text) && !owner.text.trim() && owner.count === 1) {
        blank = at;
        continue;
      }
      const { more = [] } = owner;
      if (more.length >= DEEPEST || !areTogether(owner.until ?? owner.time, line.time)) return false;
      if (!continues(line.text, [owner.text, ...more], owner.level === 'error')) return false;
      const fresh = blank === undefined ? [line.text] : ['', line.text];
      this.entries[at] = { ...owner, more: [...more, ...fresh], until: line.time };
      if (blank !== undefined) this.entries.splice(blank, 1);
      this.held++;
      return true;
    }
    return false;
  }

  private shrink() {
    let gone = 0;
    let lines = 0;
    while (this.held - lines > this.most && gone < this.entries.length - 1) {
      const entry = this.entries[gone++];
      lines += entry ? linesIn(entry) : 0;
    }
    this.entries.splice(0, gone);
    this.held -= lines;
    this.dropped += lines;
  }

  /** Lists what is held and wanted. */
  all(wanted: (entry: Entry) => boolean): Entry[] {
    return this.entries.filter((entry) => wanted(entry) && !this.isEarly(entry));
  }

  /** Lists the last entries that are wanted. */
  last(many: number, wanted: (entry: Entry) => boolean): Entry[] {
    const found: Entry[] = [];
    for (let at = this.entries.length - 1; at >= 0 && found.length < many; at--) {
      const entry = this.entries[at];
      if (entry && wanted(entry) && !this.isEarly(entry)) found.push(entry);
    }
    return found.reverse();
  }

  /** What happened before the first line is no part of the log. */
  private isEarly(entry: Entry): boolean {
    if (entry.kind !== 'event') return false;
    const first = this.entries.find(({ kind }) => kind === 'line');
    return first?.time !== undefined && entry.time !== undefined && isLater(first.time, entry.time);
  }

  watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };
}

function areTogether(one: string | undefined, other: string | undefined): boolean {
  if (!one || !other) return true;
  return Math.abs(Date.parse(other) - Date.parse(one)) <= TOGETHER;
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
export const asText = (entries: readonly Entry[]) => entries.map(textOf).join('');

function textOf(entry: Entry): string {
  if (entry.kind !== 'line') return `--- ${entry.text} ---\n`;
  const { time, pod, container, text, more = [], count } = entry;
  const said = [[time, `${pod}/${container}`, text].filter(Boolean).join(' '), count > 1 ? ` (×${count})` : ''].join(
    '',
  );
  return [said, ...more].map((line) => `${line}\n`).join('');
}
