/** The way of a release, step by step, as its status tells it. Pure. */

import { condition, creatorOf, type Phase, type Release, type Timestamps } from '~/api/kinds';
import { sumOf } from '~/domain/diff';
import { between, dayTime } from '~/domain/time';
import type { Word } from '~/domain/words';

export interface Step {
  name: string;
  /** Nothing where the step is still to come. */
  word: Word | undefined;
  time?: string;
  text: string[];
}

const MARKS = ['planned', 'queued', 'committed', 'applied', 'healthy'] as const satisfies (keyof Timestamps)[];
const NAMES = { planned: 'Planned', queued: 'Queued', committed: 'Committed', applied: 'Applied', healthy: 'Healthy' };
const ENDED: Partial<Record<Phase, Word>> = {
  Failed: 'Failed',
  Rejected: 'Failed',
  Superseded: 'Ended',
  Cancelled: 'Ended',
  Unchanged: 'Healthy',
};

/** Returns the steps of a release: those that it has passed, where it is, and those to come. */
export function stepsOf(release: Release): Step[] {
  const { metadata, spec, status } = release;
  const { phase = 'Pending', timestamps = {}, conditions } = status ?? {};
  const ready = condition(conditions, 'Ready')?.message;
  const ended = ENDED[phase];
  const created: Step = {
    name: 'Created',
    word: 'Healthy',
    time: metadata.creationTimestamp,
    text: [creatorOf(release) ?? 'somebody', ...(spec.trigger && spec.trigger !== 'Manual' ? [spec.trigger] : [])],
  };
  const steps = [created];
  for (const mark of spec.planOnly ? MARKS.slice(0, 1) : MARKS) {
    if (mark === 'queued' && phase === 'Waiting') steps.push(waiting(release));
    const time = timestamps[mark];
    if (time) steps.push({ name: NAMES[mark], word: 'Healthy', time, text: told(release, mark) });
    else if (!ended) steps.push({ name: NAMES[mark], word: undefined, text: [] });
  }
  if (ended) steps.push({ name: phase, word: ended, time: timestamps.ended, text: ready ? [ready] : [] });
  else markCurrent(steps, phase, ready);
  return steps;
}

/** The first step that is to come is the one that is being worked on. */
function markCurrent(steps: Step[], phase: Phase, ready: string | undefined) {
  if (phase === 'Waiting') return;
  const current = steps.find(({ word }) => word === undefined);
  if (!current) return;
  current.word = 'Progressing';
  if (ready) current.text = [ready];
}

function waiting({ status }: Release): Step {
  const blockers = status?.blockedBy ?? [];
  return {
    name: 'Waiting',
    word: 'Waiting',
    time: status?.timestamps?.planned,
    text: blockers.map(({ kind, reason, until }) => `${kind}: ${reason}${until ? ` (until ${dayTime(until)})` : ''}`),
  };
}

function told({ status }: Release, mark: (typeof MARKS)[number]): string[] {
  const { plan, chart, commit, timestamps = {}, approvedBy } = status ?? {};
  switch (mark) {
    case 'planned':
      return [plan && sumOf(plan), chart && `chart ${chart.name} ${chart.version}`].filter(
        (text) => text !== undefined,
      );
    case 'queued':
      return approvedBy?.length ? [`approved by ${approvedBy.join(', ')}`] : [];
    case 'committed':
      return [commit && `${commit.short} on ${commit.branch}`].filter((text) => text !== undefined);
    case 'applied':
      return took('Flux', timestamps.committed, timestamps.applied);
    case 'healthy':
      return took('rollout', timestamps.applied, timestamps.healthy);
  }
}

const took = (what: string, from: string | undefined, to: string | undefined) => {
  const time = between(from, to);
  return time ? [`${what} took ${time}`] : [];
};

/** Returns how long the parts of a release took, where it has become healthy. */
export function totalOf({ metadata, status }: Release): string | undefined {
  const { queued, committed, applied, healthy } = status?.timestamps ?? {};
  const total = between(metadata.creationTimestamp, healthy);
  if (!total) return undefined;
  const parts = [
    ['commit', between(queued, committed)],
    ['Flux', between(committed, applied)],
    ['rollout', between(applied, healthy)],
  ].flatMap(([name, time]) => (time ? [`${name} ${time}`] : []));
  return `${total} (${parts.join(' · ')})`;
}
