/** What is secret: it lives in the memory of the page until it is sent, and nowhere else. */

import type { Credentials } from '~/api/groundwork';
import type { Way } from './draft';

export interface Secrets {
  username: string;
  token: string;
  identity: string;
  knownHosts: string;
  appId: string;
  installationId: string;
  privateKey: string;
  authorities: string;
}

export const NO_SECRETS: Secrets = {
  username: 'git',
  token: '',
  identity: '',
  knownHosts: '',
  appId: '',
  installationId: '',
  privateKey: '',
  authorities: '',
};

/** Returns what is sent, or nothing where something is missing. */
export function credentialsOf(way: Way, secrets: Secrets): Credentials | undefined {
  const { username, token, identity, knownHosts, appId, installationId, privateKey } = secrets;
  const all = (...texts: string[]) => texts.every((text) => text.trim());
  if (way === 'token' && all(username, token)) return { kind: 'Token', username, token };
  if (way === 'key' && all(identity, knownHosts)) return { kind: 'Key', identity, knownHosts };
  if (way === 'app' && all(appId, installationId, privateKey))
    return { kind: 'App', appId, installationId, privateKey };
  return undefined;
}

/** Says what has to be given. */
export const MISSING: Record<Way, string> = {
  token: 'Give the token in step 2: it is kept nowhere, so after a reload it is asked for again.',
  key: 'Give the key and the keys of the host in step 2: they are kept nowhere, so after a reload they are asked for again.',
  app: 'Give the ids and the key of the GitHub App in step 2: they are kept nowhere, so after a reload they are asked for again.',
  there: '',
};
