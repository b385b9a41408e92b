/** A ReleaseSet as people read it, and as they would make it elsewhere. Pure. */

import { API_VERSION, condition, type Phase, type Release, type ReleaseSet, type ReleaseSetSpec } from '~/api/kinds';
import { quoted } from './releaseSpec';
import { hasEnded, isBeforeGit } from './words';

/** One app of a set, and its release as far as that is there to be seen. */
export interface SetLine {
  app: string;
  /** Name of the Release. */
  name: string;
  phase: Phase | undefined;
  version?: string;
  /** What it waits for, or what it says of itself. */
  text?: string;
  release?: Release;
}

/** Returns a line for each app. The releases themselves know more, and sooner, than the set. */
export function linesOf({ status }: ReleaseSet, releases: readonly Release[]): SetLine[] {
  return (status?.releases ?? []).map(({ app, release: name, phase }) => {
    const release = releases.find(({ metadata }) => metadata.name === name);
    const blockers = release?.status?.blockedBy?.map(({ reason }) => reason) ?? [];
    return {
      app,
      name,
      phase: release?.status?.phase ?? phase,
      version: release?.status?.version,
      text: blockers.length ? blockers.join(' · ') : condition(release?.status?.conditions, 'Ready')?.message,
      release,
    };
  });
}

/** Returns the version of all of them, where it is the same. */
export function sharedVersion(lines: readonly SetLine[]): string | undefined {
  const versions = new Set(lines.map(({ version }) => version));
  return versions.size === 1 ? lines[0]?.version : undefined;
}

/** Says what somebody did with a set. */
export function deedOfSet({ planOnly, rollbackTo }: ReleaseSetSpec): string {
  if (planOnly) return 'planned';
  return rollbackTo ? 'rolled back' : 'released';
}

/** Tells whether all of it can still be cancelled. */
export const canCancel = ({ spec, status }: ReleaseSet) =>
  !spec.cancel && !status?.commit && isBeforeGit(status?.phase) && !hasEnded(status?.phase);

/** Tells whether one of the releases asks for a confirmation, which the set gives to all. */
export const asksToConfirm = ({ spec }: ReleaseSet, lines: readonly SetLine[]) =>
  !spec.confirm &&
  lines.some(
    ({ phase, release }) => phase === 'Waiting' && release?.status?.blockedBy?.some(({ kind }) => kind === 'Confirm'),
  );

/** Returns the object that would make the same set again. */
export function setAgain({ metadata: { namespace }, spec }: ReleaseSet) {
  const { cancel: _, confirm: __, ...rest } = spec;
  return {
    apiVersion: API_VERSION,
    kind: 'ReleaseSet',
    metadata: { generateName: `${spec.environment}-`, namespace },
    spec: rest,
  };
}

/** Returns the command of the CLI that does the same, or nothing where it cannot. */
export function setCommand(namespace: string, spec: ReleaseSetSpec): string | undefined {
  const { apps = [], environment, artifact, rollbackTo, vars = {}, reason, planOnly } = spec;
  const past = rollbackTo?.commit ?? rollbackTo?.time;
  // The command takes artifacts of the namespace it is in.
  const source = artifact && !artifact.namespace ? ['--artifact', artifact.name] : past && ['--to', past];
  if (!source) return undefined;
  return [
    'gimlet',
    'set',
    'create',
    ...apps,
    '-e',
    environment,
    ...source,
    '-n',
    namespace,
    ...Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}=${value}`]),
    ...(reason ? ['--reason', reason] : []),
    ...(planOnly ? ['--plan-only'] : []),
  ]
    .map(quoted)
    .join(' ');
}
