/** Addresses of other sites. */

import type { Release } from '~/api/kinds';

/** Tells whether an address is one of the web: what others wrote may be anything. */
export const isOutside = (href: string | null | undefined): href is string => /^https?:\/\//.test(href ?? '');

/** Opens an address of the web beside the page. */
export function openOutside(href: string | null | undefined) {
  if (isOutside(href)) window.open(href, '_blank', 'noopener,noreferrer');
}

/** Makes links to the commits of an environment, also to those that no release knows, from those that are known. */
export function commitLinks(releases: readonly Release[]): (commit: string) => string | undefined {
  const known = releases.map(({ status }) => status?.commit).find((commit) => commit?.url?.includes(commit.sha));
  return (commit) => known?.url?.replace(known.sha, commit);
}

/** Tells whether an address is that of a repository, such as `acme/shop`. */
export function isOf(url: string, name: string): boolean {
  const plain = url
    .toLowerCase()
    .replace(/\/$/, '')
    .replace(/\.git$/, '');
  const wanted = name.toLowerCase();
  return plain.endsWith(`/${wanted}`) || plain.endsWith(`:${wanted}`);
}

/** Returns the folder of an app in git, where a release of it knows it. */
export const folderOf = (releases: readonly Release[]) =>
  releases.find(({ status }) => status?.commit)?.status?.commit?.path;
