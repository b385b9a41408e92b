import type { FluxItem } from '~/api/agents';
import type { Phase } from '~/api/kinds';

/** The one vocabulary for the state of anything; the server chooses the word. */
export type Word = 'Healthy' | 'Progressing' | 'Waiting' | 'Failed' | 'Drifted' | 'Ended' | 'Unknown';

/** Worst first: what needs a person comes before what is well. */
export const WORDS: readonly Word[] = ['Failed', 'Drifted', 'Waiting', 'Progressing', 'Unknown', 'Healthy', 'Ended'];

const ofPhase: Record<Phase, Word> = {
  Pending: 'Progressing',
  Planned: 'Progressing',
  Queued: 'Progressing',
  Committed: 'Progressing',
  Applied: 'Progressing',
  Waiting: 'Waiting',
  Healthy: 'Healthy',
  Unchanged: 'Healthy',
  Failed: 'Failed',
  Rejected: 'Failed',
  Superseded: 'Ended',
  Cancelled: 'Ended',
};

/** Returns the word for the phase of a release. */
export const wordOfPhase = (phase: Phase | undefined): Word => (phase ? ofPhase[phase] : 'Progressing');

/** Tells whether a release goes no further by itself. */
export const hasEnded = (phase: Phase | undefined) =>
  phase !== undefined && !['Pending', 'Waiting', 'Queued', 'Committed', 'Applied'].includes(phase);

/** Tells whether a release can still be cancelled: it is not in git. */
export const isBeforeGit = (phase: Phase | undefined) =>
  phase === undefined || phase === 'Pending' || phase === 'Waiting' || phase === 'Queued';

/** Returns the more urgent of two words. */
export const worse = (a: Word, b: Word): Word => (WORDS.indexOf(a) <= WORDS.indexOf(b) ? a : b);

/** Returns the word for a condition: True is well, Unknown is on its way. */
export function wordOfCondition(status: 'True' | 'False' | 'Unknown' | undefined): Word {
  if (status === 'True') return 'Healthy';
  if (status === 'False') return 'Failed';
  return status === 'Unknown' ? 'Progressing' : 'Unknown';
}

/** Returns the word for an object of Flux; that it has not looked yet is on its way. */
export function wordOfFlux({ suspended, ready }: Pick<FluxItem, 'suspended' | 'ready'>): Word {
  if (suspended) return 'Waiting';
  return ready === undefined ? 'Progressing' : ready ? 'Healthy' : 'Failed';
}
