/** What is sent along when somebody asks for help: never a token, nor what only the browser should know. Pure. */

import type { Fault } from '~/api/faults';
import type { Config, Me, Right, RightQuestion } from '~/api/server';
import type { Preferences } from '~/domain/preferences';

export interface Known {
  time: string;
  config: Config | undefined;
  operator: string | undefined;
  agents: { environment: string; agent: string; flux?: string; lastContact: string }[];
  me: Me | undefined;
  rights: { question: RightQuestion; right: Right }[];
  faults: readonly Fault[];
  preferences: Preferences;
  browser: {
    agent: string;
    languages: readonly string[];
    zone: string;
    width: number;
    height: number;
    online: boolean;
  };
  /** The path of the page, without its query. */
  page: string;
}

/** What looks like a token, a key or a password in a text that others wrote. */
const SECRETS = [
  /eyJ[\w-]{8,}\.[\w-]+\.?[\w-]*/g,
  /\b(?:gh[pousr]|github_pat|glpat|xox[a-z]|whsec)[_-][\w-]{8,}/g,
  /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi,
  /(:\/\/)[^\s/@]+@/g,
  /\b((?:\w+[_-])?(?:token|password|secret|api_?key)\s*[=:]\s*)[^\s&"']+/gi,
  /-----BEGIN [^-]+-----[\s\S]*?(?:-----END [^-]+-----|$)/g,
];

/** Takes away what looks like a secret. The server's words never hold one; whoever sends them on has to be sure. */
export const withoutSecrets = (text: string) =>
  SECRETS.reduce(
    (left, pattern) => left.replace(pattern, (_, kept) => `${typeof kept === 'string' ? kept : ''}…`),
    text,
  );

/** Writes what is known as JSON. Each field is named here: what is added elsewhere does not come along. */
export function bundleOf(known: Known): string {
  const { config, me, preferences, browser } = known;
  const bundle = {
    time: known.time,
    versions: { dashboard: config?.version, operator: known.operator, agents: known.agents },
    cluster: config?.cluster,
    flags: {
      readOnly: config?.readOnly,
      provider: config?.provider,
      singleKeys: preferences.singleKeys,
      dense: preferences.dense,
      splitDiff: preferences.splitDiff,
      timeZone: preferences.timeZone,
    },
    whoami: me && { user: me.user, groups: me.groups, expires: me.expires, missingClaim: me.missingClaim },
    rights: known.rights.map(({ question, right }) => ({ ...question, allowed: right.allowed, text: right.text })),
    errors: known.faults.map(({ time, method, path, status, reason, detail }) => ({
      time,
      method,
      path,
      status,
      reason,
      detail,
    })),
    page: known.page,
    browser: {
      agent: browser.agent,
      languages: browser.languages,
      zone: browser.zone,
      width: browser.width,
      height: browser.height,
      online: browser.online,
    },
  };
  return JSON.stringify(bundle, (_, value) => (typeof value === 'string' ? withoutSecrets(value) : value), 2);
}
