/** What somebody has chosen for a new environment: all of it stands in the URL, and nothing of it is secret. */

import type { SearchText } from '~/domain/search';
import { type FirstApp, USUAL_PORT } from './firstApp';

export const STEPS = ['name', 'repository', 'layout', 'flux', 'agent', 'app'] as const;
export type Step = (typeof STEPS)[number];

export const WAYS = ['token', 'key', 'app', 'there'] as const;
/** What the repository is written by; `there`: a Secret that somebody has made. */
export type Way = (typeof WAYS)[number];

export const PROVIDERS = ['GitHub', 'GitLab', 'Gitea'] as const;
export type Provider = (typeof PROVIDERS)[number];

export const READS = ['copy', 'token', 'key'] as const;
/** What Flux reads the repository by: the operator's credentials, or a token or a key of its own. */
export type Reads = (typeof READS)[number];

export interface Draft {
  name: string;
  namespace: string;
  url: string;
  branch: string;
  /** The repository has yet to be made at its host. */
  make: boolean;
  /** Everybody may see it. */
  public: boolean;
  way: Way;
  secret: string;
  /** The repository is the environment's own. */
  whole: boolean;
  path: string;
  pulls: boolean;
  provider?: Provider;
  apiUrl: string;
  fluxNamespace: string;
  /** Flux applies it to another cluster than Gimlet's. */
  elsewhere: boolean;
  reads: Reads;
  /** Address of the dashboard, as an agent reaches it; empty: the one of this page. */
  dashboard: string;
  first: FirstApp;
}

const oneOf = <T extends string>(all: readonly T[], text: string | undefined): T | undefined =>
  all.find((each) => each === text);

export const stepOf = (search: SearchText): Step => oneOf(STEPS, search.step) ?? 'name';

/** Reads what the URL says; what it does not say has the usual value. */
export function draftOf(search: SearchText): Draft {
  const name = search.name ?? '';
  const url = search.url ?? '';
  return {
    name,
    namespace: search.in ?? '',
    url,
    branch: search.branch ?? 'main',
    make: search.make === 'true',
    public: search.public === 'true',
    way: oneOf(WAYS, search.by) ?? (isSsh(url) ? 'key' : 'token'),
    secret: search.secret ?? (name ? `${name}-gitops` : ''),
    whole: search.whole === 'true',
    path: search.path ?? name,
    pulls: search.pulls === 'true',
    provider: oneOf(PROVIDERS, search.provider) ?? knownProvider(url),
    apiUrl: search.api ?? '',
    fluxNamespace: search.flux ?? 'flux-system',
    elsewhere: search.elsewhere === 'true',
    // The credentials of an App cannot be copied.
    reads: oneOf(READS, search.reads) ?? (search.by === 'app' ? 'token' : 'copy'),
    dashboard: search.at ?? '',
    first: {
      app: search.app ?? '',
      image: search.image ?? '',
      port: search.port ?? USUAL_PORT,
      target: search.target ?? search.app ?? '',
    },
  };
}

/** Tells whether an address has a user or a password in it, which stand in no URL of a page. */
export const holdsCredentials = (url: string) => /^https?:\/\/[^/]*@/.test(url);

/** Tells whether an address is one of SSH, for which there are keys. */
export const isSsh = (url: string) => /^ssh:\/\//.test(url) || /^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:/.test(url);

/** Tells whether the operator makes the repository: it has a token for the API of its host. */
export const isMadeByOperator = ({ make, way, url }: Draft) => make && way !== 'key' && !isSsh(url);

/** Returns the name of the host in an address. */
export const hostOf = (url: string) =>
  /^(?:https?|ssh):\/\/(?:[^/@]*@)?([^/:]+)/.exec(url)?.[1] ?? /^[^/@]+@([^:/]+):/.exec(url)?.[1];

const KNOWN: Record<string, Provider> = { 'github.com': 'GitHub', 'gitlab.com': 'GitLab', 'codeberg.org': 'Gitea' };

/** Returns the kind of a host that everybody knows. */
export const knownProvider = (url: string): Provider | undefined => KNOWN[hostOf(url) ?? ''];

/** Returns the page of a host on which a repository is made. */
export function pageForNew({ url, provider }: Draft): string | undefined {
  const host = hostOf(url);
  const [, owner, repository] = /[/:]([^/:]+)\/([^/]+?)(?:\.git)?\/?$/.exec(url) ?? [];
  if (!host || !provider) return undefined;
  if (provider === 'GitLab') return `https://${host}/projects/new`;
  if (provider === 'Gitea') return `https://${host}/repo/create`;
  const query = new URLSearchParams({ owner: owner ?? '', name: repository ?? '', visibility: 'private' });
  return `https://${host}/new?${query}`;
}

/** What can be wrong; what the API of the host needs is asked for where it is needed first. */
export type Field =
  | ('name' | 'namespace')
  | ('url' | 'branch' | 'secret' | 'host' | 'hostApi')
  | ('path' | 'provider' | 'apiUrl' | 'flux');
export type Faults = Partial<Record<Field, string>>;

const NAME = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const BRANCH = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;
const FOLDER = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}$/;

/** Says what cannot be, field by field: the rules are those of the kind, told before it is sent. */
export function faultsOf(draft: Draft): Faults {
  const { name, namespace, url, branch, secret, whole, path, pulls, provider, apiUrl, fluxNamespace, way } = draft;
  const faults: Faults = {};
  if (!NAME.test(name)) faults.name = "Lower-case letters, digits and '-', at most 40 characters.";
  if (!LABEL.test(namespace)) faults.namespace = "Lower-case letters, digits and '-', at most 63 characters.";
  if (holdsCredentials(url)) faults.url = 'The address holds credentials: they go into the Secret.';
  else if (!/^(https?|ssh):\/\/[^ /]+\/[^ ]+$/.test(url) && !/^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^ ]+$/.test(url))
    faults.url = 'An address such as https://host/owner/repository.git or git@host:owner/repository.git.';
  if (!BRANCH.test(branch) || branch.includes('..') || branch.endsWith('/') || branch.endsWith('.lock'))
    faults.branch = 'This is no name of a branch.';
  if (!SUBDOMAIN.test(secret)) faults.secret = "Lower-case letters, digits, '-' and '.'.";
  if (!whole && (!FOLDER.test(path) || path.includes('..')))
    faults.path = 'A folder such as staging or clusters/eu/staging, at most 4 deep.';
  const made = isMadeByOperator(draft);
  if (made && !provider) faults.host = 'A repository is made by the API of its host: say which kind it is.';
  else if (pulls && !provider) faults.provider = 'Pull requests need a host that has them: say which kind it is.';
  if ((pulls || made) && apiUrl && !/^https?:\/\/[^ @]+$/.test(apiUrl))
    faults[made ? 'hostApi' : 'apiUrl'] = 'An address such as https://host/api/v1.';
  if (!LABEL.test(fluxNamespace)) faults.flux = "Lower-case letters, digits and '-'.";
  if (isSsh(url) && way === 'token') faults.secret = 'An SSH address is written by a key.';
  if (url && !isSsh(url) && way === 'key')
    faults.secret = 'A key is for an SSH address, such as git@host:owner/repository.git.';
  return faults;
}

const FIELDS: Record<Step, Field[]> = {
  name: ['name', 'namespace'],
  repository: ['url', 'branch', 'secret', 'host', 'hostApi'],
  layout: ['path', 'provider', 'apiUrl', 'flux'],
  flux: [],
  agent: [],
  app: [],
};

/** Returns the first step in which something is missing, of those before a step, or of all. */
export function missingBefore(faults: Faults, step?: Step): Step | undefined {
  const before = step ? STEPS.slice(0, STEPS.indexOf(step)) : STEPS;
  return before.find((each) => FIELDS[each].some((field) => faults[field]));
}

/** Tells whether all is there that a step asks for. */
export const isWhole = (faults: Faults, step: Step) => FIELDS[step].every((field) => !faults[field]);
