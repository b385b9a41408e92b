/** The logs of several environments as one, newest first. Pure. */

import type { Denial } from '~/api/server';
import type { HistoryEntry, Page } from '~/api/views';

export interface LogEntry extends HistoryEntry {
  namespace: string;
  environment: string;
  /** What was tried and refused; then there is no commit. */
  denied?: string;
}

/** A page of the log of one environment. */
export interface LogPage {
  namespace: string;
  environment: string;
  page: Page<HistoryEntry>;
}

export interface LogFilter {
  action: string;
  text: string;
}

/** What a commit does; one that is no release of ours was made by hand. What was refused has no commit. */
export const actionOfEntry = ({ action, denied }: LogEntry) => (denied ? 'denied' : (action ?? 'by hand'));

/** Which part of the log is wanted, as the views take it. */
export interface Wanted {
  app?: string;
  environment?: string;
  person?: string;
  since?: string;
  until?: string;
}

/** Makes entries of what was refused, as far as it is wanted. */
export const denialsOf = (denials: readonly Denial[], { app, environment, person, since, until }: Wanted): LogEntry[] =>
  denials
    .filter(
      (denial) =>
        (!app || denial.app === app) &&
        (!environment || denial.environment === environment) &&
        (!person || denial.user === person) &&
        (!since || denial.time >= since) &&
        (!until || denial.time <= until),
    )
    .map(({ id, time, user, what, namespace, app, environment, name, why }) => ({
      commit: id,
      time,
      namespace,
      environment: environment ?? '',
      app,
      requestedBy: user,
      denied: what,
      reason: why,
      subject: [what, name].filter(Boolean).join(' '),
    }));

/** Puts what was refused among the entries; not before the last of an unfinished log, where entries are missing. */
export function withDenials(log: readonly LogEntry[], denials: readonly LogEntry[], hasMore: boolean): LogEntry[] {
  const horizon = hasMore ? (log.at(-1)?.time ?? '') : '';
  return [...log, ...denials.filter(({ time }) => time >= horizon)].sort((a, b) => b.time.localeCompare(a.time));
}

/**
 * Merges pages. An environment of which more can be read hides what is older than its last entry:
 * else the list would have holes that fill later.
 */
export function mergeLogs(pages: readonly LogPage[]): LogEntry[] {
  const last = new Map<string, LogPage>();
  for (const page of pages) last.set(`${page.namespace}/${page.environment}`, page);
  const open = [...last.values()].filter(({ page }) => page.next);
  const horizon =
    open
      .map(({ page }) => page.items.at(-1)?.time ?? '')
      .sort()
      .at(-1) ?? '';
  const entries = pages.flatMap(({ namespace, environment, page }) =>
    page.items.map((entry) => ({ ...entry, namespace, environment })),
  );
  return entries.filter(({ time }) => time >= horizon).sort((a, b) => b.time.localeCompare(a.time));
}

/** Keeps the entries of an action that have all words. */
export function filterLog(entries: readonly LogEntry[], { action, text }: LogFilter): LogEntry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter((entry) => {
    if (action && actionOfEntry(entry) !== action) return false;
    const { app, environment, requestedBy, reason, version, subject, commit, release } = entry;
    const told = [app, environment, requestedBy, reason, version, subject, commit, release].join('\n').toLowerCase();
    return words.every((word) => told.includes(word));
  });
}

/** Names the newest release of each environment in the log: it knows where its commit is at the host. */
export function releasesThatKnow(entries: readonly LogEntry[]) {
  const found = new Map<string, { namespace: string; environment: string; release: string }>();
  for (const { namespace, environment, release } of entries) {
    const place = `${namespace}/${environment}`;
    if (release && !found.has(place)) found.set(place, { namespace, environment, release });
  }
  return [...found.values()];
}

const FIELDS = [
  'time',
  'requestedBy',
  'action',
  'app',
  'namespace',
  'environment',
  'version',
  'reason',
  'release',
  'commit',
  'signature',
  'repository',
  'source',
  'subject',
  'denied',
] as const;

/** Writes entries as CSV (RFC 4180). A cell that a spreadsheet would take for a formula is made text. */
export function toCsv(entries: readonly LogEntry[]): string {
  const cell = (value: unknown) => {
    const text = value === undefined || value === null ? '' : String(value);
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [FIELDS.join(','), ...entries.map((entry) => FIELDS.map((field) => cell(entry[field])).join(','))].join(
    '\r\n',
  );
}
