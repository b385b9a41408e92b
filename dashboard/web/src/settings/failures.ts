/** What became of notifications, as events of their environments tell. Pure. */

import type { EventLine } from '~/api/agents';
import { sentence } from '~/api/http';
import type { Right } from '~/api/server';

/** Finds the newest failure of a notification; what it says begins with its name. */
export function lastFailure(events: readonly EventLine[], environment: string, name: string) {
  const start = `notification ${name}: `;
  const found = events.find(
    ({ object, message }) => object === `Environment/${environment}` && message.startsWith(start),
  );
  return found && { time: found.time, message: found.message.slice(start.length) };
}

/** Says what is known where no failure was found: that there is none only once the events were read. */
export function withoutFailure(right: Right, events: { isSuccess: boolean; error: unknown }): string {
  if (!right.allowed) return `not known: ${right.text}`;
  if (events.error) return `not known: ${sentence(events.error)}`;
  return events.isSuccess ? 'none for an hour' : '…';
}
