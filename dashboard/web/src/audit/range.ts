/** The time that is wanted of the log: one of the ready spans, or days. */

import { momentAt } from '~/domain/time';

const DAY = 86_400_000;
const SPANS: Record<string, number> = { 'last day': DAY, 'last week': 7 * DAY, 'last month': 30 * DAY };

/** Names of the spans, as they stand in the URL. */
export const spans = Object.keys(SPANS);

/** What the URL says of the time. */
export interface Asked {
  since?: string;
  from?: string;
  to?: string;
}

/** As the views take it; both ends belong to it. */
export interface Range {
  since?: string;
  until?: string;
  /** Why nothing can be in it. */
  problem?: string;
}

/** A moment of a day in the zone of the pages; nothing where the text is no day. */
const momentOf = (day: string | undefined, time: string) =>
  day && /^\d{4}-\d\d-\d\d$/.test(day) ? momentAt(day, time) : undefined;

/** Reads what is asked for. Days count from their beginning to their end; a span only where no day is named. */
export function rangeOf({ since, from, to }: Asked, now: number): Range {
  const begin = momentOf(from, '00:00:00');
  const until = momentOf(to, '23:59:59');
  if (begin && until && begin > until) return { since: begin, until, problem: 'This is before the first day.' };
  if (begin || until) return { since: begin, until };
  const span = since && spans.includes(since) ? SPANS[since] : undefined;
  return span ? { since: new Date(now - span).toISOString() } : {};
}
