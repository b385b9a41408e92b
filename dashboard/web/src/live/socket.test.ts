import { beforeEach, expect, test, vi } from 'vitest';
import { type Listener, LiveSocket } from './socket';

class FakeSocket {
  sent: { op: string; id: string; scope?: unknown }[] = [];
  onopen: () => void = () => {};
  onmessage: (event: { data: string }) => void = () => {};
  onclose: () => void = () => {};
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  say(frame: unknown) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
}

let opened: FakeSocket[];
let live: LiveSocket;

const listener = () => ({
  snapshot: vi.fn<Listener['snapshot']>(),
  change: vi.fn<Listener['change']>(),
  refused: vi.fn<Listener['refused']>(),
});
const last = () => {
  const socket = opened.at(-1);
  if (!socket) throw new Error('nothing was opened');
  return socket;
};

beforeEach(() => {
  vi.useFakeTimers();
  opened = [];
  live = new LiveSocket(() => {
    const socket = new FakeSocket();
    opened.push(socket);
    return socket as unknown as WebSocket;
  });
});

test('all subscriptions of a tab share one connection', () => {
  live.subscribe({ kind: 'overview' }, listener());
  live.subscribe({ kind: 'release', namespace: 'team', name: 'r' }, listener());
  last().onopen();
  expect(opened).toHaveLength(1);
  expect(last().sent.map(({ op, id }) => [op, id])).toEqual([
    ['sub', '1'],
    ['sub', '2'],
  ]);
});

test('a frame reaches its own subscriber only', () => {
  const [a, b] = [listener(), listener()];
  live.subscribe({ kind: 'overview' }, a);
  live.subscribe({ kind: 'releases' }, b);
  last().onopen();
  last().say({ sub: '1', seq: 1, snapshot: [{ key: 'k', value: 1 }] });
  last().say({ sub: '1', seq: 2, upserts: [], deletes: ['k'] });
  expect(a.snapshot).toHaveBeenCalledWith([{ key: 'k', value: 1 }]);
  expect(a.change).toHaveBeenCalledWith([], ['k']);
  expect(b.snapshot).not.toHaveBeenCalled();
});

test.each([
  ['a gap', { sub: '1', seq: 4, upserts: [{ key: 'k', value: 2 }] }],
  ['a resync', { op: 'resync', sub: '1' }],
])('%s asks for everything again', (_, frame) => {
  const a = listener();
  live.subscribe({ kind: 'overview' }, a);
  last().onopen();
  last().say({ sub: '1', seq: 1, snapshot: [] });
  last().say(frame);
  expect(a.change).not.toHaveBeenCalled();
  expect(last().sent.map(({ op }) => op)).toEqual(['sub', 'unsub', 'sub']);
  last().say({ sub: '1', seq: 1, snapshot: [{ key: 'k', value: 3 }] });
  expect(a.snapshot).toHaveBeenLastCalledWith([{ key: 'k', value: 3 }]);
});

test('a lost connection comes back with its subscriptions', async () => {
  live.subscribe({ kind: 'overview' }, listener());
  last().onopen();
  last().onclose();
  expect(live.connection).toBe('lost');
  await vi.advanceTimersByTimeAsync(1000);
  expect(opened).toHaveLength(2);
  last().onopen();
  expect(last().sent.map(({ op }) => op)).toEqual(['sub']);
  expect(live.connection).toBe('open');
});

test('a connection that has gone silent is given up', async () => {
  live.subscribe({ kind: 'overview' }, listener());
  last().onopen();
  await vi.advanceTimersByTimeAsync(30_000);
  last().say({ op: 'ping' });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(live.connection).toBe('open');
  await vi.advanceTimersByTimeAsync(10_001);
  expect(live.connection).toBe('lost');
});

test('a refusal is told to its subscriber', () => {
  const a = listener();
  live.subscribe({ kind: 'overview' }, a);
  last().onopen();
  last().say({ sub: '1', error: { status: 403, reason: 'Forbidden', detail: 'needs `list apps`' } });
  expect(a.refused.mock.calls[0]?.[0].status).toBe(403);
});
