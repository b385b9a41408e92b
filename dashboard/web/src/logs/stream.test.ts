import { expect, test, vi } from 'vitest';
import { Problem } from '~/api/http';
import { LogBuffer } from './buffer';
import { type LogQuery, LogStream } from './stream';

const query: LogQuery = { pods: '', containers: '', previous: false, follow: true };
const line = (second: number, text: string) =>
  JSON.stringify({ pod: 'a', container: 'app', time: `2026-01-01T00:00:0${second}Z`, text });

/** Answers one after the other; each ends as it says. */
function answers(...all: (string[] | Problem)[][]) {
  const asked: LogQuery[] = [];
  async function* open(next: LogQuery, signal: AbortSignal) {
    asked.push(next);
    yield [];
    for (const part of all[asked.length - 1] ?? []) {
      if (part instanceof Problem) throw part;
      yield part;
    }
    if (asked.length >= all.length) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }
  return { asked, open };
}
const texts = (buffer: LogBuffer) => buffer.all(() => true).map(({ text }) => text);

test('after a loss it goes on behind a gap, and nothing is shown twice', async () => {
  const { asked, open } = answers(
    [[line(1, 'one'), line(2, 'two')], new Problem(503, 'NoAgent', 'the agent is gone')],
    [[line(2, 'two'), line(3, 'three')]],
  );
  const stream = new LogStream(query, open, new LogBuffer(), 1);
  const running = stream.run();
  await vi.waitFor(() => expect(texts(stream.buffer)).toContain('three'));
  expect(texts(stream.buffer)).toEqual(['one', 'two', expect.stringContaining('the agent is gone'), 'three']);
  expect(asked[1]?.sinceSeconds).toBeGreaterThan(0);
  stream.stop();
  await running;
});

test('what was left out is a gap', async () => {
  const { open } = answers([[line(1, 'one'), '{"dropped":7}', line(2, 'two')]]);
  const stream = new LogStream(query, open, new LogBuffer(), 1);
  void stream.run();
  await vi.waitFor(() => expect(texts(stream.buffer)).toEqual(['one', expect.stringMatching(/^7 lines/), 'two']));
  stream.stop();
});

test('what is refused is not asked again, also in the middle of the answer', async () => {
  const error = JSON.stringify({ error: { status: 403, reason: 'Forbidden', detail: 'needs get pods/log' } });
  const { asked, open } = answers([[line(1, 'one')], [error]]);
  const stream = new LogStream(query, open, new LogBuffer(), 1);
  await stream.run();
  expect(asked.length).toBe(1);
  expect(stream.status).toMatchObject({ state: 'refused', problem: { status: 403, reason: 'Forbidden' } });
});

test('a log that is not followed ends', async () => {
  async function* open() {
    yield [line(1, 'one')];
  }
  const stream = new LogStream({ ...query, follow: false }, open, new LogBuffer(), 1);
  await stream.run();
  expect(stream.status.state).toBe('over');
  await vi.waitFor(() => expect(texts(stream.buffer)).toEqual(['one']));
});
