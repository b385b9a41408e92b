/** What is wrong with the values of a manifest, as the schema of its chart says. */

import { type Schema, Validator } from '@cfworker/json-schema';
import { isNode, merged } from './fields';
import { type Json, type Path, valueAt } from './manifestText';
import { type Unknown, unknownKeys, unknownText } from './unknown';

export interface SchemaProblem {
  path: Path;
  message: string;
  /** Whether the chart takes it all the same. */
  warning?: true;
}

/** Says a sum of other errors, or of a branch that was not taken. */
const SUMS = new Set(['properties', 'items', 'allOf', 'anyOf', '$ref', 'if', 'additionalItems', 'patternProperties']);
const validators = new WeakMap<object, Validator>();

/**
 * Lists where values break the schema, and keys that it does not know. What an expression becomes is
 * not known here, so that is left out.
 */
export function problemsOf(schema: Json | undefined, own: Json | undefined, defaults: Json | undefined) {
  const values = merged(defaults, own ?? {});
  if (!isNode(schema) || values === undefined) return [];
  const unknown = new Map<string, Unknown>();
  for (const each of unknownKeys(schema, own, defaults)) unknown.set(each.path.join('/'), each);
  const validator = validators.get(schema) ?? new Validator(schema as Schema, '7', false);
  validators.set(schema, validator);
  const seen = new Set<string>();
  const broken = validator
    .validate(values)
    .errors.filter(({ keyword }) => !SUMS.has(keyword))
    .map(({ instanceLocation, error, keyword }): SchemaProblem => {
      const path = instanceLocation
        .replace(/^#\/?/, '')
        .split('/')
        .filter(Boolean)
        .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'));
      const stranger = unknown.get(path.join('/')) ?? { path };
      return { path, message: keyword === 'false' ? unknownText(stranger) : error };
    })
    .filter(({ path, message }) => {
      const value = valueAt(values, path);
      if (typeof value === 'string' && value.includes('{{')) return false;
      // The map that has an unknown setting is named too; the setting itself says more.
      if (/^Property ".*" does not match additional properties schema/.test(message)) return false;
      const key = `${path.join('/')} ${message}`;
      return !seen.has(key) && seen.add(key);
    });
  const told = new Set(broken.map(({ path }) => path.join('/')));
  const warnings = [...unknown.values()]
    .filter(({ path }) => !told.has(path.join('/')))
    .map((each): SchemaProblem => ({ path: each.path, message: unknownText(each), warning: true }));
  return [...broken, ...warnings];
}
