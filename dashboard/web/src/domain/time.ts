/** Times for people: short relative text, with the absolute one at hand. Unset is a dash. */

import { currentPreferences } from './preferences';

const steps: [limit: number, seconds: number, unit: string][] = [
  [60, 1, 's'],
  [3600, 60, 'm'],
  [86_400, 3600, 'h'],
  [86_400 * 60, 86_400, 'd'],
  [86_400 * 730, 86_400 * 30, 'mo'],
  [Number.POSITIVE_INFINITY, 86_400 * 365, 'y'],
];

/** Returns a duration such as `40s`, `12m`, `3d`. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const step = steps.find(([limit]) => seconds < limit);
  return step ? `${Math.floor(seconds / step[1])}${step[2]}` : '—';
}

/** Returns how long ago a time was, or how far ahead it is. */
export function relative(time: string | null | undefined, now: number): string {
  const at = time ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(at)) return '—';
  const ago = now - at;
  if (ago < -1500) return `in ${span(-ago)}`;
  return ago < 1500 ? 'now' : span(ago);
}

/** Returns the same as part of a sentence: `3d ago`, but `now`. */
export function agoText(time: string | null | undefined, now: number): string {
  const text = relative(time, now);
  return /^\d/.test(text) ? `${text} ago` : text;
}

/** How times are written in a zone: the chosen one, or that of the browser. */
function writers(timeZone: string | undefined) {
  const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-GB', { timeZone, ...options });
  return {
    day: format({ dateStyle: 'medium' }),
    clock: format({ timeStyle: 'medium' }),
    hour: format({ timeStyle: 'short' }),
    date: format({ dateStyle: 'medium', timeStyle: 'short' }),
    brief: format({ weekday: 'short', hour: '2-digit', minute: '2-digit' }),
    exact: format({ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 }),
    // Another zone than that of the clock on the wall is named.
    zone: timeZone ? format({ timeZoneName: 'short' }) : undefined,
    parts: format({
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    }),
  };
}

let known: { zone: string | undefined; write: ReturnType<typeof writers> } | undefined;

function write() {
  const zone = currentPreferences().timeZone;
  if (known?.zone !== zone || !known) {
    try {
      known = { zone, write: writers(zone) };
    } catch {
      // A zone that this browser does not know.
      known = { zone, write: writers(undefined) };
    }
  }
  return known.write;
}

const momentOf = (time: string | null | undefined) => {
  const at = time ? new Date(time) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at : undefined;
};

const utc = (at: Date) => at.toISOString().replace(/\.\d+Z$/, 'Z');

/** Returns the time in the chosen zone and UTC, for a tooltip. */
export function absolute(time: string | null | undefined): string {
  const at = momentOf(time);
  return at ? `${dateTime(time)} · ${utc(at)}` : '—';
}

/** Returns date and time in the chosen zone. */
export function dateTime(time: string | null | undefined): string {
  const at = momentOf(time);
  if (!at) return '—';
  const { day, clock, zone } = write();
  const name = zone?.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value;
  return `${day.format(at)}, ${clock.format(at)}${name ? ` ${name}` : ''}`;
}

/** Returns the time of day. */
export function clockTime(time: string | undefined): string {
  const at = momentOf(time);
  return at ? write().clock.format(at) : '—';
}

/** Returns the time of day with milliseconds; nothing where the time is none. */
export function exactTime(time: string | undefined): string {
  const at = momentOf(time);
  return at ? write().exact.format(at) : '';
}

/** Returns weekday and time, for what is some days away. */
export function dayTime(time: string): string {
  const at = momentOf(time);
  return at ? write().brief.format(at) : '—';
}

/** Returns the moment at which a clock in the chosen zone shows a day and a time; nothing where there is no such day. */
export function momentAt(day: string, time: string): string | undefined {
  const wanted = Date.parse(`${day}T${time}Z`);
  if (Number.isNaN(wanted)) return undefined;
  const { parts } = write();
  const shownAt = (at: number) => {
    const found = Object.fromEntries(parts.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
  // The offset may be another one on the other side of a change of clocks.
  let at = wanted;
  for (let round = 0; round < 2; round++) at += wanted - shownAt(at);
  return new Date(at).toISOString();
}

/** Returns the zone that times are shown in. */
export const zoneName = () => write().parts.resolvedOptions().timeZone;

const WEEK = 6 * 86_400_000;

/** Returns a time that may be today, with no more of its date than is needed to know which. */
export function nearTime(time: string, now: number): string {
  const at = momentOf(time);
  if (!at) return '—';
  const { day, hour, date } = write();
  if (day.format(at) === day.format(now)) return hour.format(at);
  return Math.abs(at.getTime() - now) < WEEK ? dayTime(time) : date.format(at);
}

/** Returns the time between two points, or nothing where one is not known. */
export const between = (from: string | undefined, to: string | undefined) =>
  from && to ? span(Date.parse(to) - Date.parse(from)) : undefined;
