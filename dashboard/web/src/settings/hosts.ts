/** Hosts in addresses, and what is known of their webhooks. Pure. */

import type { Repository } from '~/api/kinds';

/** Returns the host of an address of a repository: of an URL, or of `git@host:path`. */
export function hostOf(url: string): string {
  const [, short] = /^[^/@]+@([^/:]+):(?!\/\/)/.exec(url) ?? [];
  if (short) return short;
  try {
    return new URL(url).host || url;
  } catch {
    return url;
  }
}

export type Hook = { text: string; seen?: string };

/** Says whether webhooks come, and when the last one did. */
export function hookOf({ metadata, spec }: Repository): Hook {
  const { 'gimlet.io/webhook-seen': seen } = metadata.annotations ?? {};
  if (!spec.webhookSecretRef) return { text: `none: looked at each ${spec.interval ?? '1m'}` };
  return seen ? { text: 'last seen', seen } : { text: 'none seen yet' };
}
