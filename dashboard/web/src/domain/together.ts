/** Several apps that are promoted together, as they stand in the URL: `?act=together/team/cart~shop/staging/prod`. Pure. */

import { API_VERSION, type App, type ArtifactRef, type ReleaseSetSpec } from '~/api/kinds';
import type { Order } from './releaseSpec';

export interface Together {
  namespace: string;
  apps: string[];
  from: string;
  to: string;
}

/** Most apps that are promoted at once: each of them is planned before. */
export const MOST = 50;

/** Writes it for the URL. */
export const togetherToText = ({ namespace, apps, from, to }: Together) =>
  ['together', namespace, apps.join('~'), from, to].map(encodeURIComponent).join('/');

/** Reads it from the URL; what makes no sense is nothing. */
export function togetherFromText(text: string | undefined): Together | undefined {
  const [kind, namespace, list, from, to] = (text ?? '').split('/').map(decode);
  const apps = [...new Set((list ?? '').split('~').filter(Boolean))].slice(0, MOST);
  if (kind !== 'together' || !namespace || apps.length === 0 || !from || !to) return undefined;
  return { namespace, apps, from, to };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}

/** One of the apps: what is there, and what would be. */
export interface Member {
  app: string;
  /** What the environment runs that it comes from; nothing where it runs nothing. */
  version?: string;
  artifact?: ArtifactRef;
  /** What the other environment has now. */
  now?: string;
  base?: string;
  /** Why it cannot be promoted at all. */
  not?: string;
}

/** Returns what is known of each of the apps. */
export function membersOf({ apps, from, to }: Together, found: readonly App[]): Member[] {
  const current = (app: string, environment: string) =>
    found.find(({ spec }) => spec.app === app && spec.environment === environment)?.status?.current;
  return apps.map((app) => {
    const [source, target] = [current(app, from), current(app, to)];
    return {
      app,
      version: source && (source.version ?? source.commit.slice(0, 7)),
      artifact: source?.artifact,
      now: target && (target.version ?? target.commit.slice(0, 7)),
      base: target?.commit,
      not: source ? undefined : `it is not released in ${from}`,
    };
  });
}

/** Returns the one artifact that all of them are made from, if it is one: only then they can be a ReleaseSet. */
export function sharedArtifact(members: readonly Member[], namespace: string): ArtifactRef | undefined {
  const [first] = members;
  if (!first?.artifact || members.length < 2) return undefined;
  const nameOf = (artifact: ArtifactRef | undefined) =>
    artifact && `${artifact.namespace ?? namespace}/${artifact.name}`;
  return members.every(({ artifact }) => nameOf(artifact) === nameOf(first.artifact)) ? first.artifact : undefined;
}

/**
 * Returns the release of each; with a shared artifact it is what the ReleaseSet makes of it, and that has no expected
 * base.
 */
export function ordersOf(
  { namespace, from, to }: Together,
  members: readonly Member[],
  shared: ArtifactRef | undefined,
  said: Pick<Order, 'reason' | 'requestedBy'>,
  expected = true,
): Order[] {
  return members.map(({ app, base }) => ({
    namespace,
    app,
    environment: to,
    source: shared ? { artifact: shared } : { promoteFrom: { environment: from } },
    ...said,
    ...(expected && !shared && base ? { expectedBase: base } : {}),
  }));
}

/** A ReleaseSet as it is sent: the API server gives it a name. */
export interface NewReleaseSet {
  apiVersion: string;
  kind: 'ReleaseSet';
  metadata: { generateName: string; namespace: string };
  spec: ReleaseSetSpec;
}

/** Makes the ReleaseSet; what is not set is left out. */
export function newReleaseSet(
  { namespace, to }: Together,
  members: readonly Member[],
  artifact: ArtifactRef,
  { reason, requestedBy }: Pick<Order, 'reason' | 'requestedBy'>,
): NewReleaseSet {
  return {
    apiVersion: API_VERSION,
    kind: 'ReleaseSet',
    metadata: { generateName: `${to}-`, namespace },
    spec: {
      environment: to,
      apps: members.map(({ app }) => app),
      artifact,
      ...(reason?.trim() ? { reason: reason.trim() } : {}),
      ...(requestedBy ? { requestedBy } : {}),
    },
  };
}

/** Says why the selected apps cannot be promoted together, or nothing. */
export function whyNotTogether(keys: readonly string[]): string | undefined {
  if (new Set(keys.map((key) => key.slice(0, key.indexOf('/')))).size > 1) {
    return 'They are in several namespaces: select apps of one.';
  }
  return keys.length > MOST ? `At most ${MOST} apps at once: each is planned before.` : undefined;
}
