/** The settings of a chart, as its JSON schema lists them, in sections for a form. */

import type { Json, Path } from './manifestText';

export type Kind = 'text' | 'number' | 'boolean' | 'choice' | 'map' | 'yaml';

export interface Field {
  path: Path;
  label: string;
  description?: string;
  kind: Kind;
  /** What can be chosen. */
  options?: string[];
}

export interface Section {
  name: string;
  description?: string;
  fields: Field[];
}

export type Node = Record<string, unknown>;

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

/** Deeper than this, settings are edited in YAML. */
const DEEPEST = 6;
/** More settings than this are no form any more. */
const MOST = 2000;

/** Follows references inside of the schema; those to elsewhere are not followed. */
export function resolved(node: unknown, root: Node, hops = 0): Node | undefined {
  if (!isNode(node)) return undefined;
  const reference = textOf(node.$ref);
  if (!reference) return node;
  if (!reference.startsWith('#/') || hops > 8) return undefined;
  const parts = reference.slice(2).split('/');
  let at: unknown = root;
  for (const part of parts) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    at = isNode(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  const target = resolved(at, root, hops + 1);
  return target && { ...target, ...node, $ref: undefined };
}

/** Makes a title of a name: `pullPolicy` is `Pull policy`. */
export function titleOf(name: string): string {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll(/[-_.]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}

function kindOf(node: Node): Pick<Field, 'kind' | 'options'> {
  const options = Array.isArray(node.enum) ? node.enum : undefined;
  if (options?.every((each) => typeof each === 'string')) return { kind: 'choice', options };
  const types = (Array.isArray(node.type) ? node.type : [node.type]).filter((type) => type !== 'null');
  const [type] = types;
  if (types.length !== 1) return { kind: 'yaml' };
  if (type === 'string') return { kind: 'text' };
  if (type === 'integer' || type === 'number') return { kind: 'number' };
  if (type === 'boolean') return { kind: 'boolean' };
  return { kind: type === 'object' && hasScalars(node.additionalProperties) ? 'map' : 'yaml' };
}

function hasScalars(values: unknown): boolean {
  if (!isNode(values)) return false;
  const types = Array.isArray(values.type) ? values.type : [values.type];
  return types.includes('string');
}

/** Lists the settings, by the first part of their path. */
export function sectionsOf(schema: Json | undefined): Section[] {
  if (!isNode(schema)) return [];
  const root = schema;
  const general: Section = { name: 'General', fields: [] };
  const sections: Section[] = [];
  let count = 0;
  const collect = (node: Node, path: Path, labels: string[], section: Section) => {
    if (count >= MOST) return;
    const { properties } = node;
    const open = isNode(properties) && Object.keys(properties).length > 0 && path.length < DEEPEST;
    if (!open) {
      const label = labels.join(' → ') || titleOf(path.at(-1) ?? '');
      section.fields.push({ path, label, description: textOf(node.description), ...kindOf(node) });
      count++;
      return;
    }
    for (const [name, each] of Object.entries(properties)) {
      const inner = resolved(each, root);
      if (inner) collect(inner, [...path, name], [...labels, textOf(inner.title) ?? titleOf(name)], section);
    }
  };
  const top = resolved(root, root)?.properties;
  for (const [name, each] of Object.entries(isNode(top) ? top : {})) {
    const node = resolved(each, root);
    if (!node || name === 'global') continue;
    const title = textOf(node.title) ?? titleOf(name);
    if (isNode(node.properties) && Object.keys(node.properties).length > 0) {
      const section: Section = { name: title, description: textOf(node.description), fields: [] };
      collect(node, [name], [], section);
      sections.push(section);
    } else collect(node, [name], [title], general);
  }
  return general.fields.length > 0 ? [general, ...sections] : sections;
}

/** Keeps the settings that fit a search, or that the manifest sets. */
export function shownOf(sections: Section[], search: string, only: ((path: Path) => boolean) | undefined): Section[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return sections
    .map((section) => {
      const fields = section.fields.filter(({ path, label, description }) => {
        const text = `${section.name} ${label} ${path.join('.')} ${description ?? ''}`.toLowerCase();
        return words.every((word) => text.includes(word)) && (only?.(path) ?? true);
      });
      return { ...section, fields };
    })
    .filter(({ fields }) => fields.length > 0);
}

/** Reads what was typed as the kind of a field; an expression stays text. */
export function typed(text: string, kind: Kind): Json | undefined {
  if (text === '') return undefined;
  if (kind === 'number' && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return Number(text);
  return text;
}

/** Merges values over defaults, as Helm does: null takes a default out. */
export function merged(defaults: Json | undefined, values: Json | undefined): Json | undefined {
  if (values === undefined) return defaults;
  if (!isNode(defaults) || !isNode(values)) return values;
  const all: Record<string, Json> = { ...(defaults as Record<string, Json>) };
  for (const [key, value] of Object.entries(values as Record<string, Json>)) {
    if (value === null) delete all[key];
    else {
      const both = merged(all[key], value);
      if (both !== undefined) all[key] = both;
    }
  }
  return all;
}
