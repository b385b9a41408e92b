/** The rules of an environment as a text that is edited, and the patch that a change of it is. Pure. */

import { parseDocument, stringify } from 'yaml';
import type { Environment, EnvironmentSpec, Metadata } from '~/api/kinds';
import { ALIAS, type Fault } from '~/configure/manifestText';
import { quoted } from '~/domain/releaseSpec';

/** The fields of the spec that are gates, in the order in which they are shown. */
export const RULES = ['approval', 'promotion', 'windows', 'automaticRollback', 'deletionGuard'] as const;

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Fields = { [key: string]: Json };

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns the rules alone. */
export function rulesOf(spec: EnvironmentSpec): Fields {
  const set = RULES.flatMap((name) => (spec[name] === undefined ? [] : [[name, spec[name]]]));
  return Object.fromEntries(set) as Fields;
}

/** Writes rules as they are edited. */
export const rulesText = (rules: Fields) => (Object.keys(rules).length > 0 ? stringify(rules) : '');

/** Reads rules; without them, what keeps the text from being some. */
export function readRules(text: string): { rules?: Fields; faults: Fault[] } {
  const document = parseDocument(text);
  const [first] = document.errors;
  if (first) {
    const [line = ''] = first.message.split('\n');
    return { faults: [{ message: line, from: first.pos[0], to: first.pos[1] }] };
  }
  const whole = { from: 0, to: text.length };
  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch {
    // As a cron expression is that begins with a star and is not quoted.
    return { faults: [{ ...whole, message: ALIAS }] };
  }
  if (!isFields(value)) return { faults: [{ ...whole, message: `Rules are fields such as ${RULES.join(', ')}.` }] };
  const other = Object.keys(value).filter((name) => !RULES.some((rule) => rule === name));
  if (other.length > 0) {
    const message = `${other.join(', ')}: only ${RULES.join(', ')} are changed here.`;
    return { faults: [{ ...whole, message }] };
  }
  return { rules: value, faults: [] };
}

/** Returns the merge patch (RFC 7396) that makes one of two values the other; nothing where they are the same. */
export function mergePatch(from: Fields, to: Fields): Fields | undefined {
  const patch: Fields = {};
  for (const name of Object.keys(from)) if (!(name in to)) patch[name] = null;
  for (const [name, value] of Object.entries(to)) {
    const before = from[name];
    if (isFields(before) && isFields(value)) {
      const inner = mergePatch(before, value);
      if (inner) patch[name] = inner;
    } else if (JSON.stringify(before) !== JSON.stringify(value)) patch[name] = value;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** The command that does the same. */
export const kubectlPatch = ({ metadata: { namespace, name } }: Environment, patch: unknown) =>
  `kubectl patch environments.gimlet.io ${quoted(name)} -n ${quoted(namespace)} --type=merge -p ${quoted(JSON.stringify(patch))}`;

/** Says who puts the object back to what a file says, where its marks tell of somebody. */
export function keeperOf({ labels = {}, annotations = {} }: Metadata): string | undefined {
  const flux = (kind: string, group: string) => {
    const name = labels[`${group}/name`];
    return name && `Flux' ${kind} ${labels[`${group}/namespace`] ?? ''}/${name}`;
  };
  const argo = labels['argocd.argoproj.io/instance'] ?? annotations['argocd.argoproj.io/tracking-id']?.split(':')[0];
  const helm = annotations['meta.helm.sh/release-name'];
  return (
    flux('Kustomization', 'kustomize.toolkit.fluxcd.io') ||
    flux('HelmRelease', 'helm.toolkit.fluxcd.io') ||
    (argo && `Argo CD's application ${argo}`) ||
    (helm && `the Helm release ${helm}`) ||
    undefined
  );
}
