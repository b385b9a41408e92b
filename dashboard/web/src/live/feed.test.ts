import { beforeEach, expect, test, vi } from 'vitest';
import { Problem } from '~/api/http';
import { Feed, type Source } from './feed';
import type { Connection, Entry, Listener } from './socket';

/** A connection that the test holds in its hands. */
class Hand implements Source {
  connection: Connection = 'open';
  listener: Listener | undefined;
  watcher: () => void = () => {};
  subscribe(_scope: unknown, listener: Listener) {
    this.listener = listener;
    return () => {
      this.listener = undefined;
    };
  }
  watch(watcher: () => void) {
    this.watcher = watcher;
    return () => {};
  }
  become(connection: Connection) {
    this.connection = connection;
    this.watcher();
  }
}

let hand: Hand;
let frames: (() => void)[];
let loads: (entries: Entry[] | Problem) => void;

const frame = () => {
  for (const work of frames.splice(0)) work();
};

function makeFeed() {
  hand = new Hand();
  frames = [];
  const load = () =>
    new Promise<Entry[]>((resolve, reject) => {
      loads = (entries) => (entries instanceof Problem ? reject(entries) : resolve(entries));
    });
  const feed = new Feed({ kind: 'overview' }, load, hand, (work) => frames.push(work));
  feed.start();
  return feed;
}

beforeEach(() => {
  vi.useFakeTimers();
});

test('only the watchers of what has changed are told, once a frame', () => {
  const feed = makeFeed();
  hand.listener?.snapshot([
    { key: 'row:a', value: 1 },
    { key: 'row:b', value: 1 },
  ]);
  frame();
  const [a, b, rows] = [vi.fn(), vi.fn(), vi.fn()];
  feed.watchKey('row:a', a);
  feed.watchKey('row:b', b);
  feed.watchPrefix('row:', rows);
  hand.listener?.change([{ key: 'row:a', value: 2 }], []);
  hand.listener?.change([{ key: 'row:a', value: 3 }], []);
  expect(a).not.toHaveBeenCalled();
  frame();
  expect(a).toHaveBeenCalledTimes(1);
  expect(rows).toHaveBeenCalledTimes(1);
  expect(b).not.toHaveBeenCalled();
  expect(feed.get('row:a')).toBe(3);
});

test('a list stays the same array until something of it changes', () => {
  const feed = makeFeed();
  hand.listener?.snapshot([
    { key: 'row:a', value: 1 },
    { key: 'env:x', value: 1 },
  ]);
  frame();
  const list = feed.list('row:');
  hand.listener?.change([{ key: 'env:x', value: 2 }], []);
  frame();
  expect(feed.list('row:')).toBe(list);
  hand.listener?.change([], ['row:a']);
  frame();
  expect(feed.list('row:')).toEqual([]);
});

test('what a new snapshot does not have is gone', () => {
  const feed = makeFeed();
  hand.listener?.snapshot([
    { key: 'row:a', value: 1 },
    { key: 'row:b', value: 1 },
  ]);
  frame();
  hand.listener?.snapshot([{ key: 'row:b', value: 2 }]);
  frame();
  expect(feed.keys('row:')).toEqual(['row:b']);
});

test('an answer that is older than a snapshot is thrown away', async () => {
  const feed = makeFeed();
  hand.listener?.snapshot([{ key: 'row:a', value: 'new' }]);
  loads([{ key: 'row:a', value: 'old' }]);
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.get('row:a')).toBe('new');
});

test('what was good is kept when the server fails', async () => {
  const feed = makeFeed();
  const told = vi.fn();
  feed.watchStatus(told);
  hand.listener?.snapshot([{ key: 'row:a', value: 1 }]);
  hand.listener?.refused(new Problem(403, 'Forbidden', 'needs `list apps`'));
  expect(feed.status.loaded).toBe(true);
  expect(feed.status.problem?.status).toBe(403);
  expect(feed.get('row:a')).toBe(1);
  hand.listener?.snapshot([{ key: 'row:a', value: 2 }]);
  expect(feed.status.problem).toBeUndefined();
  expect(told).toHaveBeenCalledTimes(3);
});

test('without a connection the server is asked every ten seconds', async () => {
  const feed = makeFeed();
  hand.become('lost');
  await vi.advanceTimersByTimeAsync(10_000);
  loads([{ key: 'row:a', value: 'asked' }]);
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.get('row:a')).toBe('asked');
  hand.become('open');
  loads = () => {
    throw new Error('nothing may be asked');
  };
  await vi.advanceTimersByTimeAsync(30_000);
  feed.stop();
  expect(hand.listener).toBeUndefined();
});

test('what the live connection does not take is asked for until it does', () => {
  const feed = makeFeed();
  hand.listener?.refused(new Problem(429, 'TooMany', 'too many subscriptions'));
  expect(feed.status.problem?.reason).toBe('TooMany');
  const ask = vi.spyOn(feed, 'reload');
  vi.advanceTimersByTime(25_000);
  expect(ask).toHaveBeenCalledTimes(2);
  hand.listener?.snapshot([]);
  vi.advanceTimersByTime(60_000);
  expect(ask).toHaveBeenCalledTimes(2);
  expect(feed.status.problem).toBeUndefined();
});
