/** What can be released, and where it may go. Pure. */

import type { App, Artifact, ReleaseSource } from '~/api/kinds';
import type { EnvironmentCard } from '~/api/server';
import type { HistoryEntry } from '~/api/views';
import { dayTime } from '~/domain/time';

/** A version to choose. */
export interface Candidate {
  id: string;
  source: ReleaseSource;
  version: string;
  message?: string;
  author?: string;
  time?: string;
  branch?: string;
  /** Commit of the application, and its repository, such as `acme/shop`. */
  commit?: string;
  repository?: string;
  /** Where it is what was released last. */
  runsIn: string[];
  /** Environments that it has a manifest for; nothing where that is not known, or does not matter. */
  environments?: string[];
}

/** Returns the manifests of an artifact that can be released. */
const validOf = ({ status }: Artifact) => status?.releases?.filter(({ result }) => result !== 'Invalid') ?? [];

/** Returns the apps that an artifact has a manifest for. */
export const appsOf = (artifact: Artifact) => [...new Set(validOf(artifact).flatMap(({ app }) => app ?? []))];

/** Returns the artifacts that have a manifest for the app, newest first. */
export function candidatesOf(artifacts: readonly Artifact[], app: string, apps: readonly App[]): Candidate[] {
  return artifacts
    .filter((artifact) => appsOf(artifact).includes(app))
    .sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''))
    .map((artifact) => candidateOf(artifact, app, apps));
}

function candidateOf(artifact: Artifact, app: string, apps: readonly App[]): Candidate {
  const { name, creationTimestamp } = artifact.metadata;
  const { version, created } = artifact.spec;
  return {
    id: name,
    source: { artifact: { name } },
    version: artifact.status?.version ?? version.name ?? version.tag ?? version.sha?.slice(0, 7) ?? name,
    message: version.message?.split('\n')[0],
    author: version.author,
    time: created ?? creationTimestamp,
    branch: version.branch,
    commit: version.sha,
    repository: version.repository,
    runsIn: apps.filter((each) => each.status?.current?.artifact?.name === name).map((each) => each.spec.environment),
    environments: validOf(artifact)
      .filter((verdict) => verdict.app === app)
      .flatMap(({ environment }) => environment ?? []),
  };
}

/** Tells a commit from the name of a release, as the CLI does. */
const COMMIT = /^[0-9a-f]{7,64}$/;

/**
 * Returns what an environment can go back to: the log of the app without what is there now, if anything is. The
 * release or commit that is asked for may be older than the entries: it is offered all the same, by its name alone.
 */
export function pastOf(entries: readonly HistoryEntry[], current: string | undefined, to?: string): Candidate[] {
  const past = entries
    .filter(({ action, commit }) => action !== 'uninstall' && action !== 'environment' && commit !== current)
    .map(({ commit, release, version, subject, requestedBy, time, source, repository }) => ({
      id: release ?? commit,
      source: { rollbackTo: release ? { release } : { commit } },
      version: version ?? commit.slice(0, 7),
      message: subject,
      author: requestedBy ?? undefined,
      time,
      commit: source ?? undefined,
      repository: repository ?? undefined,
      runsIn: [],
    }));
  if (!to || past.some(({ id }) => id === to)) return past;
  const byCommit = COMMIT.test(to);
  const isMeant = ({ release, commit }: HistoryEntry) => release === to || (byCommit && commit.startsWith(to));
  // What the log has and is not offered is nothing to go back to.
  const meant = entries.find(isMeant);
  if (meant && !past.some(({ id }) => id === (meant.release ?? meant.commit))) return past;
  const source = { rollbackTo: byCommit ? { commit: to } : { release: to } };
  return [{ id: to, source, version: byCommit ? to.slice(0, 7) : to, runsIn: [] }, ...past];
}

/** Returns what somebody changed by hand, as a version of its own. */
export function handMade(commit: string, entries: readonly HistoryEntry[]): Candidate {
  const entry = entries.find((each) => each.commit === commit);
  return {
    id: commit,
    source: { adopt: { commit } },
    version: commit.slice(0, 7),
    message: entry?.subject ?? 'changed by hand',
    author: entry?.requestedBy ?? undefined,
    time: entry?.time,
    runsIn: [],
  };
}

/** Says why a version cannot go to an environment, or nothing. */
export function whyNot(candidate: Candidate | undefined, environment: string): string | undefined {
  if (!candidate?.environments || candidate.environments.includes(environment)) return undefined;
  return `${candidate.version} has no manifest for ${environment}`;
}

/** Says what a release to an environment will wait for; a rollback waits for less. */
export function gatesOf(card: EnvironmentCard, rollback: boolean): string[] {
  const { lock, suspended, approvals, windows, promotesFrom } = card;
  return [
    lock && `locked: ${lock.reason}${lock.until ? `, until ${dayTime(lock.until)}` : ''}`,
    suspended && 'the environment is suspended',
    !rollback && approvals && `${approvals} ${approvals === 1 ? 'approval' : 'approvals'}`,
    !rollback && windows && 'an open deploy window',
    !rollback && promotesFrom && `healthy in ${promotesFrom} first`,
  ].filter((gate): gate is string => Boolean(gate));
}
