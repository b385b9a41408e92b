/** Filters and sums of commits, and when a repository has something new. Pure. */

import { type Artifact, condition, type Repository } from '~/api/kinds';
import type { Check, Commit, CommitArtifact, Tag } from '~/api/views';
import type { Word } from '~/domain/words';
import { appsOf, candidatesOf, whyNot } from '~/release/candidates';

/** Which commits are asked for beside their words. */
export type Only = 'artifact' | 'deployable' | undefined;

/** Reads which commits are asked for; what is unknown is all. */
export const onlyFrom = (text: string | undefined): Only =>
  text === 'artifact' || text === 'deployable' ? text : undefined;

/** Keeps the commits that have all words. */
export function filterCommits(commits: readonly Commit[], text: string): Commit[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return commits.filter(({ message, commit, author }) => {
    const told = `${message}\n${commit}\n${author}`.toLowerCase();
    return words.every((word) => told.includes(word));
  });
}

/** Keeps the commits of which an artifact fits; what is released of them is one that does. */
export function withArtifact(commits: readonly Commit[], fits: (artifact: CommitArtifact) => boolean): Commit[] {
  return commits.flatMap((commit) => {
    const artifacts = commit.artifacts ?? [];
    const fitting = artifacts.filter(fits);
    return fitting.length ? [{ ...commit, artifacts: [...fitting, ...artifacts.filter((each) => !fits(each))] }] : [];
  });
}

/** Tells whether the policies of an artifact were judged, which is once. */
export const isJudged = (artifact: Artifact | null | undefined) =>
  condition(artifact?.status?.conditions, 'Ready')?.status === 'True';

/** Tells whether the dialog of releases lets an artifact go to one of these environments, with whichever of its apps. */
export function isDeployable(artifact: Artifact | null | undefined, environments: readonly string[]): boolean {
  if (!artifact || !isJudged(artifact)) return false;
  const candidates = appsOf(artifact).flatMap((app) => candidatesOf([artifact], app, []));
  return candidates.some((candidate) => environments.some((environment) => !whyNot(candidate, environment)));
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

/** Says how the checks of a version went, each by its name; those that were skipped say nothing. */
export function namedChecks(checks: readonly Check[] | null | undefined): { word: Word; text: string } | undefined {
  const sum = checksOf(checks);
  if (sum?.word !== 'Healthy') return sum;
  const good = checks?.filter(({ state }) => state === 'Success').map(({ context }) => context) ?? [];
  return good.length ? { word: 'Healthy', text: good.join(', ') } : undefined;
}

/** Says of each check how it went, a line each. */
export const linesOf = (checks: readonly Check[]) =>
  checks
    .map(({ context, state, description }) => [`${context}: ${state}`, description].filter(Boolean).join(', '))
    .join('\n');

/** Says why a commit cannot be released. */
export function noArtifact(commit: Commit): string {
  return checksOf(commit.statuses)?.word === 'Failed' ? 'no artifact: CI failed' : 'no artifact';
}

/** Finds the artifact that is released of a tag: what was made of the tag itself comes first. */
export const artifactOfTag = ({ name, artifacts }: Tag) =>
  (artifacts?.find(({ tag }) => tag === name) ?? artifacts?.[0])?.name;

/** Makes the address of any commit at the host from one that is known. */
export function linkOf(commits: readonly Commit[], id: string): string | undefined {
  const known = commits.find(({ commit, url }) => url?.includes(commit));
  return known?.url?.replace(known.commit, id);
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
