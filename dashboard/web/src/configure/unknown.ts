/** Keys of values that a chart does not know, with the one that was probably meant. Pure. */

import { isNode, type Node, resolved } from './fields';
import type { Json, Path } from './manifestText';

export interface Unknown {
  path: Path;
  /** The known key that is nearest, if one is near. */
  meant?: string;
}

/** Returns the name that was probably meant, if one is near enough. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const most = Math.max(1, Math.min(3, Math.floor(name.length / 3)));
  const lower = name.toLowerCase();
  let best: string | undefined;
  let least = most + 1;
  for (const each of known) {
    if (Math.abs(each.length - name.length) >= least) continue;
    const steps = distance(lower, each.toLowerCase());
    if (steps < least) [best, least] = [each, steps];
  }
  return best;
}

/** Counts the characters that are wrong, missing, too many, or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let steps = Math.min(
        (above[column] ?? 0) + 1,
        (line[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        steps = Math.min(steps, (before[column - 2] ?? 0) + 1);
      }
      line.push(steps);
    }
    [before, above] = [above, line];
  }
  return above[b.length] ?? 0;
}

/** What a schema says of the keys of one map. */
interface Keys {
  known: Map<string, Node[]>;
  patterns: RegExp[];
  /** Whether other keys are welcome, or nothing is said of them. */
  open: boolean;
}

/** Takes a schema apart into all that may hold at one place; nothing where a part of it is elsewhere. */
function parts(node: Node, root: Node, depth = 0): Node[] | undefined {
  if (depth > 8) return undefined;
  const all = [node];
  for (const word of ['allOf', 'anyOf', 'oneOf', 'if', 'then', 'else']) {
    const inner = node[word];
    for (const each of Array.isArray(inner) ? inner : isNode(inner) ? [inner] : []) {
      if (!isNode(each)) continue;
      const known = resolved(each, root);
      const found = known && parts(known, root, depth + 1);
      if (!found) return undefined;
      all.push(...found);
    }
  }
  return all;
}

function keysOf(nodes: Node[]): Keys {
  const keys: Keys = { known: new Map(), patterns: [], open: false };
  for (const { properties, patternProperties, additionalProperties } of nodes) {
    for (const [name, each] of Object.entries(isNode(properties) ? properties : {})) {
      keys.known.set(name, [...(keys.known.get(name) ?? []), ...(isNode(each) ? [each] : [])]);
    }
    for (const pattern of Object.keys(isNode(patternProperties) ? patternProperties : {})) {
      try {
        keys.patterns.push(new RegExp(pattern, 'u'));
      } catch {
        keys.open = true;
      }
    }
    keys.open ||= additionalProperties !== undefined && additionalProperties !== false;
  }
  keys.open ||= keys.known.size === 0;
  return keys;
}

/**
 * Lists the keys of values that neither a schema nor the default values know. What a schema leaves
 * open is not judged, nor what an expression becomes.
 */
export function unknownKeys(schema: Json | undefined, values: Json | undefined, defaults: Json | undefined): Unknown[] {
  if (!isNode(schema)) return [];
  const root = schema;
  const found: Unknown[] = [];
  const look = (places: unknown[], value: unknown, standard: unknown, path: Path) => {
    const nodes: Node[] = [];
    for (const place of places) {
      const node = resolved(place, root);
      const known = node && parts(node, root);
      if (!known) return;
      nodes.push(...known);
    }
    if (Array.isArray(value)) {
      const items = nodes.flatMap(({ items }) => (isNode(items) ? [items] : []));
      if (items.length > 0) for (const [at, each] of value.entries()) look(items, each, undefined, [...path, `${at}`]);
      return;
    }
    if (!isNode(value)) return;
    const { known, patterns, open } = keysOf(nodes);
    const usual = isNode(standard) ? standard : {};
    for (const [name, each] of Object.entries(value)) {
      const inner = known.get(name);
      if (inner) look(inner, each, usual[name], [...path, name]);
      else if (!open && !name.includes('{{') && !Object.hasOwn(usual, name) && !patterns.some((p) => p.test(name))) {
        const meant = nearest(name, [...new Set([...known.keys(), ...Object.keys(usual)])]);
        // Helm gives every chart `global`, and a chart that another depends on the map of its name.
        if (path.length === 0 && (name === 'global' || (isNode(each) && !meant))) continue;
        found.push({ path: [...path, name], ...(meant ? { meant } : {}) });
      }
    }
  };
  look([root], values, defaults, []);
  return found;
}

/** Says that a key is not known, and which was probably meant. */
export const unknownText = ({ path, meant }: Unknown) =>
  `unknown key "${path.at(-1)}"${meant ? ` (did you mean "${meant}"?)` : ''}`;
