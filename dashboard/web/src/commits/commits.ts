/** Filters and sums of commits, and when a repository has something new. Pure. */

import type { Repository } from '~/api/kinds';
import type { Check, Commit } from '~/api/views';
import type { Word } from '~/domain/words';

/** Keeps the commits that have all words, and an artifact where that is asked. */
export function filterCommits(commits: readonly Commit[], text: string, withArtifact: boolean): Commit[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return commits.filter(({ message, commit, author, artifacts }) => {
    if (withArtifact && !artifacts?.length) return false;
    const told = `${message}\n${commit}\n${author}`.toLowerCase();
    return words.every((word) => told.includes(word));
  });
}

/** Says how the checks of a commit went: by name where one failed, else by number. */
export function checksOf(checks: readonly Check[] | null | undefined): { word: Word; text: string } | undefined {
  if (!checks?.length) return undefined;
  const failed = checks.filter(({ state }) => state === 'Failure' || state === 'Error');
  if (failed.length) return { word: 'Failed', text: failed.map(({ context }) => context).join(', ') };
  const pending = checks.filter(({ state }) => state === 'Pending');
  if (pending.length) return { word: 'Progressing', text: pending.map(({ context }) => context).join(', ') };
  const good = checks.filter(({ state }) => state === 'Success').length;
  return { word: 'Healthy', text: `${good}/${checks.length}` };
}

/** Says why a commit cannot be released. */
export function noArtifact(commit: Commit): string {
  return checksOf(commit.statuses)?.word === 'Failed' ? 'no artifact: CI failed' : 'no artifact';
}

/** Returns a text that is another one whenever the cluster knows something new of a repository, or its host has said so. */
export function newsOf({ metadata, status }: Repository): string {
  // The operator writes it for each webhook: also one of a build, which changes nothing else.
  const mark = metadata.annotations?.['gimlet.io/look-requested'];
  return [status?.head?.commit, status?.branches, status?.tags, status?.pullRequests, mark].join();
}

/** Returns how often what is not pushed is read again, in milliseconds: a host need not tell of builds that are on their way. */
export function pollOf({ spec }: Repository, commits: readonly Commit[] = []): number {
  const builds = commits.some(({ statuses }) => statuses?.some(({ state }) => state === 'Pending'));
  return spec.webhookSecretRef && !builds ? 60_000 : 15_000;
}
