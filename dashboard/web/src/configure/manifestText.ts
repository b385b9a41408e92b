/** Changes of one value in the text of a manifest file: nothing but its own characters changes. */

import {
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseAllDocuments,
  stringify,
  type YAMLMap,
} from 'yaml';

export type Path = readonly string[];
export type Scalar = string | number | boolean | null;
export type Json = Scalar | Json[] | { [key: string]: Json };

/** One manifest of a file, as it was read. */
export interface Manifest {
  /** Which document of the file it is. */
  at: number;
  value: Record<string, Json>;
}

const documentsOf = (text: string) => {
  const documents = parseAllDocuments(text);
  return Array.isArray(documents) ? documents : [];
};

const isRecord = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads a document; nothing where it cannot be, as with an alias that is none: a `*` that is not quoted. */
function plainOf(document: { toJS(): unknown }): unknown {
  try {
    return document.toJS() ?? null;
  } catch {
    return undefined;
  }
}

/** What is wrong with a text that is YAML, and yet cannot be read. */
export const ALIAS = 'It names an anchor that is not there: quote what begins with *.';

/** Finds the manifest of an app in an environment. */
export function findManifest(text: string, app: string, environment: string): Manifest | undefined {
  for (const [at, document] of documentsOf(text).entries()) {
    if (document.errors.length > 0) continue;
    const value = plainOf(document);
    if (isRecord(value) && value.app === app && value.env === environment) return { at, value };
  }
  return undefined;
}

export interface Fault {
  message: string;
  from: number;
  to: number;
  /** Whether the text can be used all the same. */
  warning?: true;
}

/** Returns the number of the line of a place, as editors count them. */
export const lineOf = (text: string, at: number) => text.slice(0, at).split('\n').length;

/** Lists what keeps a text from being YAML. */
export const faultsOf = (text: string): Fault[] =>
  documentsOf(text).flatMap((document) => {
    const { errors, range } = document;
    if (errors.length === 0 && plainOf(document) === undefined) {
      return [{ message: ALIAS, from: range[0], to: range[1] }];
    }
    return errors.map(({ message, pos: [from, to] }) => ({ message: message.split('\n')[0] ?? message, from, to }));
  });

/** Reads a value by its path. */
export function valueAt(value: Json | undefined, path: Path): Json | undefined {
  let at: Json | undefined = value;
  for (const key of path) at = isRecord(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
}

/** Returns where the keys of some values are in the text, or those of their nearest parents that are there. */
export function keysIn(text: string, at: number, paths: readonly Path[]): { from: number; to: number }[] {
  const root = documentsOf(text)[at]?.contents;
  return paths.map((path) => {
    let node: unknown = root;
    let range = rangeOf(root);
    for (const key of path) {
      const pair = isMap(node) ? pairOf(node, key) : undefined;
      node = pair ? pair.value : isSeq(node) ? node.items[Number(key)] : undefined;
      const found = rangeOf(pair ? pair.key : node);
      if (!found) break;
      range = found;
    }
    // The whole text is not underlined.
    const [from, to] = range ?? [0, 0];
    return range === rangeOf(root) ? { from, to: from } : { from, to };
  });
}

/** Returns where in the text a value is, or its nearest parent that is there. */
export function placeOf(text: string, at: number, path: Path): number {
  const document = documentsOf(text)[at];
  for (let length = path.length; length > 0; length--) {
    const node = document?.getIn(path.slice(0, length), true) as Node | undefined;
    if (node?.range) return node.range[0];
  }
  return document?.contents?.range?.[0] ?? 0;
}

/** Returns the text with a value set, or taken out where it is undefined; undefined where only a person can do that. */
export function setValue(text: string, at: number, path: Path, value: Json | undefined): string | undefined {
  const before = documentsOf(text);
  const document = before[at];
  if (!document || before.some(({ errors }) => errors.length > 0) || path.length === 0) return undefined;
  const read = before.map((each) => plainOf(each));
  if (read.includes(undefined)) return undefined;
  const wanted = read.map((each, index) => {
    const copy = JSON.parse(JSON.stringify(each)) as Json;
    return index === at ? changed(copy, path, value) : copy;
  });
  const root = document.contents;
  if (!isMap(root)) return undefined;
  const edited = value === undefined ? without(text, root, path) : withValue(text, root, path, value);
  if (edited === undefined) return undefined;
  const after = documentsOf(edited);
  const good = after.every(({ errors }) => errors.length === 0);
  return good && JSON.stringify(after.map((each) => plainOf(each))) === JSON.stringify(wanted) ? edited : undefined;
}

function changed(target: Json, path: Path, value: Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return value ?? null;
  const record = isRecord(target) ? { ...target } : {};
  if (rest.length > 0) {
    const inner = changed(record[key] ?? {}, rest, value);
    if (value === undefined && isRecord(inner) && Object.keys(inner).length === 0) delete record[key];
    else record[key] = inner;
  } else if (value === undefined) delete record[key];
  else record[key] = value;
  return record;
}

const pairOf = (map: YAMLMap, key: string) =>
  map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);

const rangeOf = (node: unknown) => (node as Node | null | undefined)?.range ?? undefined;

const flow = (value: Json) => stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();

/** Wraps a value in the maps of a path. */
const nested = (path: Path, value: Json): Json => path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value);

function withValue(text: string, map: YAMLMap, path: Path, value: Json): string | undefined {
  const [key = '', ...rest] = path;
  const pair = pairOf(map, key);
  if (!pair) return insert(text, map, nested(path, value));
  const node = pair.value;
  if (rest.length > 0 && isMap(node)) return withValue(text, node, rest, value);
  const range = rangeOf(node);
  if (!range || (node && isCollection(node))) return undefined;
  const empty = range[0] === range[1];
  if (rest.length > 0) {
    // A key without a value becomes the parent of a block.
    if (!empty || map.flow) return undefined;
    const indent = `${indentOf(text, pair)}  `;
    return addLines(text, endOfLine(text, range[1]), block(nested(rest, value), indent));
  }
  if (isCollectionValue(value)) return undefined;
  const literal = scalarText(value, isScalar(node) ? node.type : undefined);
  const tail = text.slice(range[0], range[1]).endsWith('\n') ? '\n' : '';
  return `${text.slice(0, range[0])}${empty ? ' ' : ''}${literal}${tail}${text.slice(range[1])}`;
}

const isCollectionValue = (value: Json) => typeof value === 'object' && value !== null;

/** Writes a scalar in one line, with the quotes that it had. */
function scalarText(value: Json, type: string | null | undefined): string {
  if (typeof value !== 'string') return String(value);
  if (value.includes('\n')) return JSON.stringify(value);
  if (type === 'QUOTE_DOUBLE') return JSON.stringify(value);
  if (type === 'QUOTE_SINGLE') return `'${value.replaceAll("'", "''")}'`;
  return stringify(value, { lineWidth: 0 }).trim();
}

const lineStart = (text: string, at: number) => text.lastIndexOf('\n', at - 1) + 1;
const endOfLine = (text: string, at: number) => {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
};

function indentOf(text: string, pair: Pair): string {
  const start = rangeOf(pair.key)?.[0] ?? 0;
  return ' '.repeat(start - lineStart(text, start));
}

const block = (value: Json, indent: string) =>
  stringify(value, { lineWidth: 0 })
    .trimEnd()
    .split('\n')
    .map((line) => (line ? indent + line : line))
    .join('\n');

function addLines(text: string, at: number, lines: string): string {
  const head = text.slice(0, at);
  return `${head}${head === '' || head.endsWith('\n') ? '' : '\n'}${lines}\n${text.slice(at)}`;
}

function insert(text: string, map: YAMLMap, value: Json): string | undefined {
  const last = map.items.at(-1);
  const range = map.range;
  if (!range) return undefined;
  if (map.flow) {
    if (!last) return `${text.slice(0, range[0])}${flow(value)}${text.slice(range[1])}`;
    const end = endOf(last);
    if (end === undefined) return undefined;
    const inner = flow(value)
      .replace(/^\{\s*/, '')
      .replace(/\s*\}$/, '');
    return `${text.slice(0, end)}, ${inner}${text.slice(end)}`;
  }
  const first = map.items[0];
  const end = last && endOf(last);
  if (!first || end === undefined) return undefined;
  return addLines(text, lineAfter(text, end), block(value, indentOf(text, first)));
}

/** Returns where the last character of a pair is: comments and empty lines after it are not of it. */
function endOf(pair: Pair): number | undefined {
  const { value } = pair;
  if (value && isCollection(value) && !value.flow && value.items.length > 0) {
    const last = value.items.at(-1);
    if (isMap(value)) return endOf(last as Pair);
    if (isMap(last) && !last.flow) {
      const inner = last.items.at(-1);
      return inner && endOf(inner);
    }
    return rangeOf(last)?.[1];
  }
  return rangeOf(value)?.[1] ?? rangeOf(pair.key)?.[1];
}

const lineAfter = (text: string, end: number) => (text[end - 1] === '\n' ? end : endOfLine(text, end));

function without(text: string, root: YAMLMap, path: Path): string | undefined {
  const maps = [root];
  for (const key of path.slice(0, -1)) {
    const map = maps.at(-1);
    const inner = map && pairOf(map, key)?.value;
    if (!isMap(inner)) return text;
    maps.push(inner);
  }
  // A map that would be empty goes with its last value.
  let depth = maps.length - 1;
  while (depth > 0 && maps[depth]?.items.length === 1) depth--;
  const map = maps[depth];
  const pair = map && pairOf(map, path[depth] ?? '');
  const start = rangeOf(pair?.key)?.[0];
  const end = pair && endOf(pair);
  if (!map || !pair || start === undefined || end === undefined) return text;
  if (!map.flow) return text.slice(0, lineStart(text, start)) + text.slice(lineAfter(text, end));
  const at = map.items.indexOf(pair);
  const next = rangeOf(map.items[at + 1]?.key)?.[0];
  if (next !== undefined) return text.slice(0, start) + text.slice(next);
  const previous = map.items[at - 1];
  const from = previous ? endOf(previous) : start;
  return from === undefined ? undefined : text.slice(0, from) + text.slice(end);
}
