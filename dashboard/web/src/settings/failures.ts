/** What became of notifications, as events of their environments tell. Pure. */

import type { EventLine } from '~/api/agents';

/** Finds the newest failure of a notification; what it says begins with its name. */
export function lastFailure(events: readonly EventLine[], environment: string, name: string) {
  const start = `notification ${name}: `;
  const found = events.find(
    ({ object, message }) => object === `Environment/${environment}` && message.startsWith(start),
  );
  return found && { time: found.time, message: found.message.slice(start.length) };
}
