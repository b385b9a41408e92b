/** When a CronJob ran last and runs next. Pure. */

import { Cron } from 'croner';
import type { CronTimes, Workload } from '~/api/agents';
import type { Word } from './words';

/** Returns when it runs next; nothing while it is suspended, or where the expression is none that is known. */
export function nextRun({ schedule, timeZone, suspended }: CronTimes, now: number): string | undefined {
  if (suspended) return undefined;
  try {
    // For Kubernetes a `?` is a `*`; the library would take the present moment for it.
    const cron = new Cron(schedule.replaceAll('?', '*'), { mode: '5-part', timezone: timeZone || 'UTC' });
    return cron.nextRun(new Date(now))?.toISOString();
  } catch {
    return undefined;
  }
}

/** Tells how the last run went, and when it was to begin; nothing where there was none. */
export function lastRun({ cron, updated, cause }: Workload): { word: Word; time: string } | undefined {
  if (!cron?.lastSchedule) return undefined;
  const { lastSchedule: time, lastSuccess } = cron;
  const done = lastSuccess !== undefined && Date.parse(lastSuccess) >= Date.parse(time);
  const word = !done && updated > 0 ? 'Progressing' : cause ? 'Failed' : done ? 'Healthy' : 'Unknown';
  return { word, time };
}
