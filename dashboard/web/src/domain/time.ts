/** Times for people: short relative text, with the absolute one at hand. Unset is a dash. */

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

const local = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const brief = new Intl.DateTimeFormat('en-GB', { weekday: 'short', hour: '2-digit', minute: '2-digit' });

/** Returns the local time and UTC, for a tooltip. */
export function absolute(time: string | null | undefined): string {
  const at = time ? new Date(time) : undefined;
  if (!at || Number.isNaN(at.getTime())) return '—';
  return `${local.format(at)} · ${at.toISOString().replace(/\.\d+Z$/, 'Z')}`;
}

/** Returns the time of day. */
export const clockTime = (time: string | undefined) => (time ? clock.format(new Date(time)) : '—');

/** Returns weekday and time, for what is some days away. */
export const dayTime = (time: string) => brief.format(new Date(time));

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const hour = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const WEEK = 6 * 86_400_000;

/** Returns a time that may be today, with no more of its date than is needed to know which. */
export function nearTime(time: string, now: number): string {
  const at = new Date(time);
  if (day.format(at) === day.format(now)) return hour.format(at);
  return Math.abs(at.getTime() - now) < WEEK ? dayTime(time) : date.format(at);
}

/** Returns the time between two points, or nothing where one is not known. */
export const between = (from: string | undefined, to: string | undefined) =>
  from && to ? span(Date.parse(to) - Date.parse(from)) : undefined;
