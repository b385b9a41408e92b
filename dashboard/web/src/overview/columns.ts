/** Which columns are shown, and in which order. All pure. */

import type { Column } from './matrix';

/** Returns all columns in the order that was chosen; those that it does not name come after, as they were. */
export function ordered(columns: readonly Column[], order: readonly string[]): Column[] {
  const chosen = order.flatMap((name) => columns.filter((column) => column.name === name));
  return [...chosen, ...columns.filter(({ name }) => !order.includes(name))];
}

/** Returns the columns that are not hidden. Where that would be none, all are shown. */
export function shown(columns: readonly Column[], hidden: readonly string[]): Column[] {
  const left = columns.filter(({ name }) => !hidden.includes(name));
  return left.length > 0 ? left : [...columns];
}

/** Returns the order after a column was moved by one place; none where it is the usual one again. */
export function moved(columns: readonly Column[], usual: readonly Column[], name: string, by: 1 | -1): string[] {
  const names = columns.map((column) => column.name);
  const from = names.indexOf(name);
  const to = from + by;
  if (from < 0 || to < 0 || to >= names.length) return sameOrNone(names, usual);
  names.splice(to, 0, ...names.splice(from, 1));
  return sameOrNone(names, usual);
}

const sameOrNone = (names: string[], usual: readonly Column[]) =>
  usual.every(({ name }, index) => name === names[index]) ? [] : names;
