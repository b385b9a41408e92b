/** What the matrix shows of the rows: filters, order, counts. All pure. */

import type { Cell, EnvironmentCard, ReleaseRow, Row } from '~/api/server';
import { WORDS, type Word } from '~/domain/words';

export const SHOWS = ['all', 'failing', 'waiting', 'drifted', 'behind', 'mine'] as const;
export type Show = (typeof SHOWS)[number];

export interface Question {
  text: string;
  show: Show;
  order: 'name' | 'worst';
  stars: readonly string[];
  /** Who asks, for what is theirs. */
  user: string | undefined;
}

/** Reads which rows are asked for; what is unknown is all. */
export const showFrom = (text: string | undefined): Show => SHOWS.find((show) => show === text) ?? 'all';

const byShow: Record<Show, (cell: Cell, user: string | undefined) => boolean> = {
  all: () => true,
  failing: ({ word }) => word === 'Failed',
  waiting: ({ word }) => word === 'Waiting',
  drifted: ({ word }) => word === 'Drifted',
  behind: ({ behind }) => (behind ?? 0) > 0,
  mine: ({ author }, user) => author !== undefined && author === user,
};

const cellsOf = (row: Row) => Object.values(row.cells);

/** Tells whether a row has a cell of this kind. */
export const shows = (row: Row, show: Show, user: string | undefined) =>
  show === 'all' || cellsOf(row).some((cell) => byShow[show](cell, user));

/** Returns the most urgent word of a row. */
export function worstOf(row: Row): Word {
  const words = cellsOf(row).map(({ word }) => word);
  return WORDS.find((word) => words.includes(word)) ?? 'Ended';
}

function hasText(row: Row, words: string[]): boolean {
  const told = cellsOf(row).flatMap(({ version, message, author }) => [version, message, author]);
  const text = [row.namespace, row.app, ...told].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Returns the rows that are asked for, in order: starred ones first, then by name or by urgency. */
export function select(rows: readonly Row[], { text, show, order, stars, user }: Question): Row[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const starred = new Set(stars);
  const rank = (row: Row) => (order === 'worst' ? WORDS.indexOf(worstOf(row)) : 0);
  return rows
    .filter((row) => shows(row, show, user) && (words.length === 0 || hasText(row, words)))
    .sort(
      (a, b) =>
        Number(starred.has(b.key)) - Number(starred.has(a.key)) ||
        rank(a) - rank(b) ||
        a.app.localeCompare(b.app) ||
        a.namespace.localeCompare(b.namespace),
    );
}

/** Counts the rows of each kind. */
export function counts(rows: readonly Row[], user: string | undefined): Record<Show, number> {
  const count = (show: Show) => rows.filter((row) => shows(row, show, user)).length;
  return Object.fromEntries(SHOWS.map((show) => [show, count(show)])) as Record<Show, number>;
}

export interface Column {
  name: string;
  /** The environments of this name, one for each namespace. */
  cards: EnvironmentCard[];
}

/** Returns the columns: the environments in the server's order, then those that only rows name. */
export function columnsOf(cards: readonly EnvironmentCard[], rows: readonly Row[]): Column[] {
  const columns = new Map<string, EnvironmentCard[]>();
  for (const card of cards) columns.set(card.name, [...(columns.get(card.name) ?? []), card]);
  for (const row of rows) {
    for (const name of Object.keys(row.cells)) if (!columns.has(name)) columns.set(name, []);
  }
  return [...columns].map(([name, cards]) => ({ name, cards }));
}

/** Tells whether no app in an environment may be read, wherever there is one of its name. */
export const isShut = ({ cards }: Column) => cards.length > 0 && cards.every(({ appsHidden }) => appsHidden);

/** Returns the environment of a column that the apps of a namespace are in. */
export const cardIn = ({ cards }: Column, namespace: string) => cards.find((card) => card.namespace === namespace);

/** Says how long nothing has been seen of the clusters behind a column, where that is so of any. */
export function awayOf({ cards }: Column): { seen: string | undefined; some: string | undefined } | undefined {
  const away = cards.filter((card) => card.away);
  if (away.length === 0) return undefined;
  const seen = away.flatMap((card) => card.away?.seen ?? []).sort();
  // Of several the one that is away for the longest time; never is longer than any.
  return {
    seen: seen.length < away.length ? undefined : seen[0],
    some: away.length < cards.length ? `${away.length} of ${cards.length}` : undefined,
  };
}

/** Returns the environment right of another: the one that promotes from it, else the next one with a column. */
export function nextAfter(columns: readonly Column[], namespace: string, name: string): string | undefined {
  const ofNamespace = columns.flatMap(({ cards }) => cards).filter((card) => card.namespace === namespace);
  const promoted = ofNamespace.find(({ promotesFrom }) => promotesFrom === name);
  if (promoted) return promoted.name;
  return ofNamespace[ofNamespace.findIndex((card) => card.name === name) + 1]?.name;
}

/** Returns from where to where apps of a namespace can be promoted, left to right: what one of them at least runs. */
export function stepsOf(columns: readonly Column[], rows: readonly Row[]): { from: string; to: string }[] {
  const [first] = rows;
  if (!first) return [];
  return columns.flatMap(({ name: from }) => {
    const to = rows.some(({ cells }) => cells[from]) && nextAfter(columns, first.namespace, from);
    return to ? [{ from, to }] : [];
  });
}

/** Returns the newest releases, newest first. What only plans is no release. */
export const newest = (releases: readonly ReleaseRow[], count: number) =>
  releases
    .filter(({ kind }) => kind !== 'plan')
    .sort((a, b) => b.created.localeCompare(a.created))
    .slice(0, count);
