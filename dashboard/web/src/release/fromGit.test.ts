import { expect, test } from 'vitest';
import { Problem } from '~/api/http';
import type { HistoryEntry, HistoryQuestion, Page } from '~/api/views';
import { findInGit, placesOf } from './fromGit';

const entry = (commit: string, app: string, release?: string, action = 'release'): HistoryEntry => ({
  commit,
  time: '2026-01-01T00:00:00Z',
  subject: commit,
  action,
  app,
  release,
});

const { signal } = new AbortController();

/** Logs of environments, the newest first; a page has two entries at most. Those of `broken` cannot be read now. */
function reading(logs: Record<string, HistoryEntry[]>) {
  const asked: string[] = [];
  const read = async (_: string, environment: string, question: HistoryQuestion): Promise<Page<HistoryEntry>> => {
    asked.push(`${environment} ${question.app ?? '*'} ${question.before ?? ''}`.trim());
    if (environment === 'broken') throw new Problem(503, 'Unavailable', 'git cannot be reached');
    const log = logs[environment];
    if (!log) throw new Problem(403, 'Forbidden', `needs \`get environments\` ${environment}`);
    const all = log.filter(({ app }) => !question.app || app === question.app);
    const start = all.findIndex(({ commit }) => commit === question.before) + 1;
    const items = all.slice(start, start + 2);
    return { items, next: all.length > start + 2 ? items.at(-1)?.commit : undefined };
  };
  return { asked, read };
}

test('it is looked for first where its name says, of names that begin alike in the longer', () => {
  expect(placesOf('shop.prod-eu-x7k2m', ['prod', 'dev', 'prod-eu'])).toEqual([
    { environment: 'prod-eu', app: 'shop' },
    { environment: 'prod', app: 'shop' },
    { environment: 'prod' },
    { environment: 'dev' },
    { environment: 'prod-eu' },
  ]);
  expect(placesOf('handmade', ['dev'])).toEqual([{ environment: 'dev' }]);
});

test('a release is found on a later page, with the commit of the app before it', async () => {
  const { asked, read } = reading({
    dev: [],
    prod: [
      entry('c5', 'shop', 'shop.prod-5'),
      entry('c4', 'cart', 'cart.prod-4'),
      entry('c3', 'shop', 'shop.prod-3'),
      entry('c2', 'shop', 'shop.prod-2'),
      entry('c1', 'shop', 'shop.prod-1'),
    ],
  });
  const found = await findInGit('team', 'shop.prod-2', ['dev', 'prod'], signal, read);
  expect([found?.environment, found?.entry.commit, found?.before]).toEqual(['prod', 'c2', 'c1']);
  expect(asked).toEqual(['prod shop', 'prod shop c3', 'prod shop c2']);
});

test('the first one, and one after the app was removed, have nothing to compare with', async () => {
  const { read } = reading({
    prod: [
      entry('c3', 'shop', 'shop.prod-3'),
      entry('c2', 'shop', 'shop.prod-2', 'uninstall'),
      entry('c1', 'shop', 'shop.prod-1'),
    ],
  });
  expect((await findInGit('team', 'shop.prod-1', ['prod'], signal, read))?.before).toBeUndefined();
  expect((await findInGit('team', 'shop.prod-3', ['prod'], signal, read))?.before).toBeUndefined();
});

test('what may not be read is passed over, and told where nothing else has it', async () => {
  const { read } = reading({ prod: [entry('c1', 'shop', 'by-hand')] });
  expect((await findInGit('team', 'by-hand', ['secret', 'prod'], signal, read))?.environment).toBe('prod');
  await expect(findInGit('team', 'nobody', ['secret', 'prod'], signal, read)).rejects.toThrow('get environments');
  expect(await findInGit('team', 'nobody', ['prod'], signal, read)).toBeUndefined();
});

test('an environment that cannot be read now does not end the search of the others', async () => {
  const { read } = reading({ prod: [entry('c1', 'shop', 'by-hand')] });
  expect((await findInGit('team', 'by-hand', ['broken', 'prod'], signal, read))?.environment).toBe('prod');
  await expect(findInGit('team', 'nobody', ['broken', 'prod'], signal, read)).rejects.toThrow('git cannot be reached');
});

test('whoever goes away ends the search after the read that is on its way', async () => {
  const gone = new AbortController();
  const { asked, read } = reading({
    prod: [entry('c3', 'shop'), entry('c2', 'shop'), entry('c1', 'shop', 'by-hand')],
    dev: [],
  });
  const signals: unknown[] = [];
  const leaving: typeof read = async (namespace, environment, question, signal?: AbortSignal) => {
    signals.push(signal);
    const page = await read(namespace, environment, question);
    gone.abort();
    return page;
  };
  await expect(findInGit('team', 'by-hand', ['prod', 'dev'], gone.signal, leaving)).rejects.toThrow('abort');
  expect(asked).toEqual(['prod *']);
  expect(signals).toEqual([gone.signal]);
});
