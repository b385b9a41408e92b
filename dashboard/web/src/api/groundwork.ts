/** What an environment needs before it can be there. The server makes it as the caller, and never reads it. */

import { post } from './http';

/** What a gitops repository is written by. It goes into a Secret, and is kept nowhere here. */
export type Credentials =
  | { kind: 'Token'; username: string; token: string }
  | { kind: 'Key'; identity: string; knownHosts: string }
  | { kind: 'App'; appId: string; installationId: string; privateKey: string; baseUrl?: string };

export interface CredentialOrder {
  namespace: string;
  name: string;
  environment: string;
  credentials: Credentials;
  authorities?: string;
}

/** Whether it was made, or was there already. */
export interface Made {
  made: boolean;
}

export const makeNamespace = (name: string) => post<Made>('/api/v1/namespaces', { name });
export const makeCredentials = (order: CredentialOrder) => post<Made>('/api/v1/credentials', order);
