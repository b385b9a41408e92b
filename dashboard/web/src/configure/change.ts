/** What is sent: a ConfigChange, and the command that would do the same. */

import { diff3Merge } from 'node-diff3';
import { parse } from 'yaml';
import { API_VERSION, type ConfigChangeSpec } from '~/api/kinds';
import { quoted } from '~/domain/releaseSpec';
import type { Json, Path } from './manifestText';

/** A ConfigChange as it is sent: the API server gives it a name. */
export interface NewConfigChange {
  apiVersion: string;
  kind: 'ConfigChange';
  metadata: { generateName: string; namespace: string };
  spec: ConfigChangeSpec;
}

export const newChange = (
  namespace: string,
  app: string,
  environment: string,
  spec: ConfigChangeSpec,
): NewConfigChange => ({
  apiVersion: API_VERSION,
  kind: 'ConfigChange',
  metadata: { generateName: `${app}.${environment}-`, namespace },
  spec,
});

export interface Edit {
  path: Path;
  before?: Json;
  after?: Json;
}

const isMap = (value: Json | undefined): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Lists the values that differ; lists count as one value. */
export function editsOf(before: Json | undefined, after: Json | undefined, path: Path = []): Edit[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (isMap(before) && isMap(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => editsOf(before[key], after[key], [...path, key]));
  }
  if (isMap(after) && before === undefined && Object.keys(after).length > 0)
    return Object.entries(after).flatMap(([key, value]) => editsOf(undefined, value, [...path, key]));
  return [{ path, before, after }];
}

/** Names a value as the command line does: chart values plainly, those of the manifest itself with a dot before. */
const nameOf = (path: Path) => (path[0] === 'values' ? path.slice(1).join('.') : `.${path.join('.')}`);

/** Says in a few words what differs. */
export function summaryOf(edits: Edit[]): string {
  const [first] = edits;
  if (!first) return 'comments and form';
  const value = ({ path, after }: Edit) => {
    const name = nameOf(path);
    if (after === undefined) return `without ${name}`;
    const text = typeof after === 'object' ? '' : ` ${String(after)}`;
    return `${name}${text.length > 40 ? '' : text}`;
  };
  return edits.length > 3
    ? `${edits.slice(0, 2).map(value).join(', ')} and ${edits.length - 2} more`
    : edits.map(value).join(', ');
}

interface Command {
  namespace: string;
  app: string;
  environment: string;
  repository: string;
  branch?: string;
  message: string;
  pullRequest: boolean;
}

/** Returns the command of the CLI that sets the same values, where there is one. */
export function setCommand(edits: Edit[], command: Command): string | undefined {
  const words = edits.map(({ path, after }) => {
    if (path.some((key) => !/^[A-Za-z0-9_-]+$/.test(key)) || path.join() === 'values') return undefined;
    if (after === undefined) return `${nameOf(path)}-`;
    if (typeof after === 'object') return undefined;
    // Text that reads as something else would not stay text.
    if (typeof after === 'string' && !readsAsItself(after)) return undefined;
    return `${nameOf(path)}=${after}`;
  });
  if (words.length === 0 || words.includes(undefined)) return undefined;
  const { namespace, app, environment, repository, branch, message, pullRequest } = command;
  return [
    ...['gimlet', 'app', 'set', app, '-e', environment, ...words.filter((word) => word !== undefined)],
    ...['-n', namespace, '--repository', repository],
    ...(branch ? ['--branch', branch] : []),
    ...(message ? ['-m', message] : []),
    ...(pullRequest ? ['--pull-request'] : []),
  ]
    .map(quoted)
    .join(' ');
}

function readsAsItself(text: string): boolean {
  try {
    return parse(text) === text;
  } catch {
    return false;
  }
}

export interface Merge {
  text: string;
  /** Places where both sides changed the same lines; they are marked in the text. */
  conflicts: number;
}

/** Merges two changes of the same text, line by line. */
export function mergeTexts(mine: string, base: string, theirs: string): Merge {
  const lines = (text: string) => text.split('\n');
  let conflicts = 0;
  const merged = diff3Merge(lines(mine), lines(base), lines(theirs), { excludeFalseConflicts: true }).flatMap(
    ({ ok, conflict }) => {
      if (ok) return ok;
      if (!conflict) return [];
      conflicts++;
      return ['<<<<<<< yours', ...conflict.a, '=======', ...conflict.b, '>>>>>>> theirs'];
    },
  );
  return { text: merged.join('\n'), conflicts };
}
