/** Unified diffs as the views write them, read into hunks of numbered lines. */

import type { FileChange, ObjectChange } from '~/api/views';

export interface DiffLine {
  kind: 'same' | 'added' | 'removed';
  text: string;
  before?: number;
  after?: number;
}

export interface Hunk {
  header: string;
  lines: DiffLine[];
}

const HEADER = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** Reads the hunks of one file. Lines before the first hunk (file names) are left out. */
export function hunksOf(diff: string): Hunk[] {
  const hunks: Hunk[] = [];
  let hunk: Hunk | undefined;
  let before = 0;
  let after = 0;
  for (const line of diff.split('\n')) {
    const header = HEADER.exec(line);
    if (header) {
      hunk = { header: line, lines: [] };
      hunks.push(hunk);
      before = Number(header[1]);
      after = Number(header[2]);
    } else if (hunk && line.startsWith('+')) {
      hunk.lines.push({ kind: 'added', text: line.slice(1), after: after++ });
    } else if (hunk && line.startsWith('-')) {
      hunk.lines.push({ kind: 'removed', text: line.slice(1), before: before++ });
    } else if (hunk && line.startsWith(' ')) {
      hunk.lines.push({ kind: 'same', text: line.slice(1), before: before++, after: after++ });
    }
  }
  return hunks;
}

/** Both sides of a line of a split view; an empty side has no line. */
export interface Pair {
  left?: DiffLine;
  right?: DiffLine;
}

/** Sets removed lines beside those that replace them. */
export function pairsOf(lines: DiffLine[]): Pair[] {
  const pairs: Pair[] = [];
  let open: Pair[] = [];
  for (const line of lines) {
    if (line.kind === 'same') {
      open = [];
      pairs.push({ left: line, right: line });
    } else if (line.kind === 'removed') {
      const pair = { left: line };
      open.push(pair);
      pairs.push(pair);
    } else {
      const partner = open.shift();
      if (partner) partner.right = line;
      else pairs.push({ right: line });
    }
  }
  return pairs;
}

const NOISE = /^\s*("?(app\.kubernetes\.io\/version|helm\.sh\/chart|checksum\/[^:"]+|gimlet\.io\/[^:"]+)"?):/;

/** Tells whether every changed line of a file is bookkeeping: chart labels, checksums. */
export function isNoise(hunks: Hunk[]): boolean {
  const changed = hunks.flatMap((hunk) => hunk.lines).filter((line) => line.kind !== 'same');
  return changed.length > 0 && changed.every((line) => NOISE.test(line.text));
}

/** Returns the sum of a plan as people write it: `+1 ~3 −0 objects`. */
export function sumOf(plan: { added: number; changed: number; removed: number }): string {
  if (plan.added + plan.changed + plan.removed === 0) return 'no change';
  const total = plan.added + plan.changed + plan.removed;
  return `+${plan.added} ~${plan.changed} −${plan.removed} ${total === 1 ? 'object' : 'objects'}`;
}

/** An object that differs, and the lines of it where its file is known. */
export interface ObjectPart {
  object: ObjectChange;
  file?: FileChange;
}

/** Differences by object, and the files that belong to none. */
export interface ByObject {
  parts: ObjectPart[];
  rest: FileChange[];
}

/** Returns how closely a file fits an object by its name, `<kind>-<name>.yaml`: 0 is not at all. */
function closeness(file: string, { kind, name, namespace }: ObjectChange): number {
  const stem = file.replace(/\.yaml$/, '');
  const own = `${kind.toLowerCase()}-${name}`;
  if (stem === own) return 3;
  // Where two objects would share a name, the group or the namespace follows.
  if (namespace && stem.endsWith(`-${namespace}`) && stem.startsWith(`${own}-`)) return 2;
  return stem.startsWith(`${own}-`) ? 1 : 0;
}

/** Gives each object its file. A file has one object; what is not certain stays with the files. */
export function byObject(objects: readonly ObjectChange[], files: readonly FileChange[]): ByObject {
  const pairs = new Map<ObjectChange, FileChange>();
  const taken = new Set<FileChange>();
  for (const wanted of [3, 2, 1]) {
    for (const file of files.filter((each) => !taken.has(each))) {
      const fitting = objects.filter((object) => !pairs.has(object) && closeness(file.name, object) === wanted);
      // Of one kind the longer name is meant: `service-web-api` is that of web-api, and not of web.
      const [best, next] = fitting.sort((a, b) => b.name.length - a.name.length);
      if (!best || next?.name.length === best.name.length) continue;
      pairs.set(best, file);
      taken.add(file);
    }
  }
  return {
    parts: objects.map((object) => ({ object, file: pairs.get(object) })),
    rest: files.filter((file) => !taken.has(file)),
  };
}
