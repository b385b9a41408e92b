/** A release whose object was tidied away, found again in the log that its commit is in. */

import { Problem } from '~/api/http';
import { type HistoryEntry, type HistoryQuestion, type Page, readHistory } from '~/api/views';

/** A release as git has it. */
export interface Recorded {
  environment: string;
  entry: HistoryEntry;
  /** Commit of the app before it; nothing where it was the first. */
  before?: string;
}

/** Where it is looked for. */
export interface Place {
  environment: string;
  app?: string;
}

/** Entries that are read at once, and how often: what is older than all of them is not found. */
const PAGE = 200;
const PAGES = 10;

/** Returns where a release of this name can be: first where its name says, then in every environment. */
export function placesOf(name: string, environments: readonly string[]): Place[] {
  const dot = name.indexOf('.');
  const rest = name.slice(dot + 1);
  const named = environments
    .filter((environment) => dot > 0 && (rest === environment || rest.startsWith(`${environment}-`)))
    // Of `prod` and `prod-eu` the longer one is meant.
    .sort((a, b) => b.length - a.length);
  return [
    ...named.map((environment) => ({ environment, app: name.slice(0, dot) })),
    ...environments.map((environment) => ({ environment })),
  ];
}

type Read = typeof readHistory;

/** Looks for a release in the logs of the environments until it is told to stop; undefined where none has it. */
export async function findInGit(
  namespace: string,
  name: string,
  environments: readonly string[],
  signal: AbortSignal,
  read: Read = readHistory,
): Promise<Recorded | undefined> {
  let refusal: Problem | undefined;
  for (const { environment, app } of placesOf(name, environments)) {
    const look = async (question: HistoryQuestion) => {
      signal.throwIfAborted();
      return read(namespace, environment, { ...question, app: question.app ?? app }, signal);
    };
    try {
      const entry = await findIn(look, name);
      if (entry) return { environment, entry, before: await commitBefore(look, entry) };
    } catch (error) {
      // Of an environment that somebody may not read, or that cannot be read now, another one can still tell.
      if (!(error instanceof Problem)) throw error;
      refusal = error;
    }
  }
  if (refusal) throw refusal;
  return undefined;
}

type Look = (question: HistoryQuestion) => Promise<Page<HistoryEntry>>;

async function findIn(look: Look, name: string): Promise<HistoryEntry | undefined> {
  let before: string | undefined;
  for (let page = 0; page < PAGES; page++) {
    const { items, next } = await look({ limit: PAGE, before });
    const entry = items.find(({ release }) => release === name);
    if (entry || !next) return entry;
    before = next;
  }
  return undefined;
}

/** Returns what the app was before a commit. What removed it leaves nothing to compare with. */
async function commitBefore(look: Look, { app, commit }: HistoryEntry): Promise<string | undefined> {
  if (!app) return undefined;
  const { items } = await look({ app, limit: 1, before: commit });
  const [older] = items;
  return older && older.action !== 'uninstall' ? older.commit : undefined;
}
