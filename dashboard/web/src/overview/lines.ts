/** The lines of the matrix: apps, and the heads of the groups that they are in. All pure. */

import type { Row } from '~/api/server';
import { WORDS, type Word } from '~/domain/words';
import { worstOf } from './matrix';

export const GROUPS = ['namespace', 'repository', 'part'] as const;
/** What apps are grouped by. */
export type Group = (typeof GROUPS)[number];

export interface GroupLine {
  kind: 'group';
  name: string;
  rows: readonly Row[];
  folded: boolean;
}

export type Line = { kind: 'app'; row: Row } | GroupLine;

/** The group of those that say nothing. Neither a namespace, a repository nor a label can be called so. */
export const NO_GROUP = '-';

/** Reads what is grouped by; what is unknown is nothing. */
export const groupFrom = (text: string | undefined): Group | undefined => GROUPS.find((group) => group === text);

/** Reads names that stand in the URL with commas between them. */
export const namesFrom = (text: string | undefined): string[] => (text ?? '').split(',').filter(Boolean);

/** Writes names for the URL; none are no parameter. */
export const namesToText = (names: readonly string[]): string | undefined => names.join(',') || undefined;

/** Puts a name among others, or takes it out. */
export const toggled = (names: readonly string[], name: string): string[] =>
  names.includes(name) ? names.filter((each) => each !== name) : [...names, name];

const nameOf: Record<Group, (row: Row) => string | undefined> = {
  namespace: ({ namespace }) => namespace,
  repository: ({ repository }) => repository,
  part: ({ partOf }) => partOf,
};

const rankOf = (rows: readonly Row[]) => Math.min(...rows.map((row) => WORDS.indexOf(worstOf(row))));

/** Returns the rows in their order, below the heads of their groups; those of a folded group are left out. */
export function linesOf(
  rows: readonly Row[],
  group: Group | undefined,
  folded: readonly string[],
  order: 'name' | 'worst',
): Line[] {
  if (!group) return rows.map((row) => ({ kind: 'app', row }));
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = nameOf[group](row) || NO_GROUP;
    const there = groups.get(name);
    if (there) there.push(row);
    else groups.set(name, [row]);
  }
  return [...groups]
    .sort(
      ([a, ofA], [b, ofB]) =>
        (order === 'worst' ? rankOf(ofA) - rankOf(ofB) : 0) ||
        Number(a === NO_GROUP) - Number(b === NO_GROUP) ||
        a.localeCompare(b),
    )
    .flatMap(([name, rows]): Line[] => {
      const head: Line = { kind: 'group', name, rows, folded: folded.includes(name) };
      return head.folded ? [head] : [head, ...rows.map((row): Line => ({ kind: 'app', row }))];
    });
}

/** What needs a person, worst first. */
const TROUBLES: readonly Word[] = ['Failed', 'Drifted', 'Waiting', 'Progressing', 'Unknown'];

/** Counts the apps of a group by what is worst of them, where that is not well: it is seen though they are folded. */
export function troublesOf(rows: readonly Row[]): [Word, number][] {
  const worst = rows.map(worstOf);
  return TROUBLES.map((word): [Word, number] => [word, worst.filter((each) => each === word).length]).filter(
    ([, count]) => count > 0,
  );
}
