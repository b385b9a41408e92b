/** The dashboard server's own answers, under /api/v1. */

import type { Word } from '~/domain/words';
import { get, post, remove, withQuery } from './http';

export interface Config {
  version: string;
  readOnly: boolean;
  cluster: string;
  /** What people call the identity provider, where there is one. */
  provider?: string;
  /** Why nobody was signed in just now. */
  refused?: { reason: string; detail: string };
}

export interface Me {
  user: string;
  groups: string[];
  expires: string | null;
  /** Claim of the groups, where the provider's token has none. */
  missingClaim?: string;
}

export interface RightQuestion {
  /** API group; Gimlet's where it is left out, empty for Kubernetes' oldest kinds. */
  group?: string;
  verb: string;
  resource: string;
  subresource?: string;
  namespace: string;
  name?: string;
}

/** Whether something is allowed, and the sentence to show where it is not. */
export interface Right {
  allowed: boolean;
  text: string;
}

export interface Cell {
  word: Word;
  text?: string;
  version?: string;
  message?: string;
  author?: string;
  time?: string;
  release?: string;
  pending?: string;
  url?: string;
  behind?: number;
  waitingFor?: string;
  plan?: string;
}

export interface Row {
  key: string;
  namespace: string;
  app: string;
  /** The repository that it is built from. */
  repository?: string;
  /** What the label `app.kubernetes.io/part-of` of its Apps says. */
  partOf?: string;
  cells: Record<string, Cell>;
}

export interface EnvironmentCard {
  namespace: string;
  name: string;
  word: Word;
  text?: string;
  apps?: number;
  head?: { commit: string; short: string; time: string } | null;
  url?: string;
  branch?: string;
  path?: string;
  lock?: { reason: string; until?: string | null } | null;
  suspended?: boolean;
  promotesFrom?: string | null;
  promotionMode?: string | null;
  approvals?: number | null;
  windows?: boolean;
  /** Template of the address at which a store has the logs. */
  logs?: string;
  /** That nothing is seen of its cluster, and when something was last; never where no agent was ever heard. */
  away?: { seen?: string };
  /** Its apps are not told: whoever asks may not list them. */
  appsHidden?: boolean;
}

export interface ReleaseRow {
  namespace: string;
  name: string;
  app: string;
  environment: string;
  kind: string;
  phase: string;
  word: Word;
  text?: string;
  version?: string;
  user?: string;
  reason?: string;
  created: string;
  ended?: string;
  commit?: string;
}

export interface Overview {
  rows: Row[];
  environments: EnvironmentCard[];
  releases: ReleaseRow[];
  revision?: string;
}

/** Something that somebody was not allowed to do through this server. */
export interface Denial {
  id: string;
  time: string;
  user: string;
  /** What was tried, such as `create releases`. */
  what: string;
  namespace: string;
  app?: string;
  environment?: string;
  name?: string;
  /** Why it was refused, in the words of who refused it. */
  why: string;
}

/** Somebody, and the bindings that give them a right. */
export interface Holder {
  kind: string;
  name: string;
  through: string[];
}

/** Who may do what in an environment, as far as the caller may read roles and bindings. */
export interface Access {
  actions: { text: string; right: string; subjects: Holder[] }[];
  /** Rights that the caller lacks for the whole answer. */
  missing: string[];
  /** Bindings whose role could not be read. */
  unread: string[];
}

export const readAccess = (namespace: string, environment: string) =>
  get<Access>(withQuery('/api/v1/access', { namespace, environment }));
export const readDenials = async (namespace?: string) =>
  (await get<{ items: Denial[] }>(withQuery('/api/v1/denials', { namespace }))).items;
export const readConfig = () => get<Config>('/api/v1/config');
export const readMe = () => get<Me>('/api/v1/me');
export const readNamespaces = async () => (await get<{ namespaces: string[] }>('/api/v1/namespaces')).namespaces;
export const readOverview = (namespace?: string) => get<Overview>(withQuery('/api/v1/overview', { namespace }));
export const askRights = (questions: RightQuestion[]) => post<Right[]>('/api/v1/rights', questions);
export const signIn = (token: string) => post<void>('/api/v1/session', { token });
/** Ends the session, and returns where that at the identity provider ends, if there is one. */
export const signOut = async () => ((await remove('/api/v1/session')) as { next?: string } | undefined)?.next;
