import { expect, test } from 'vitest';
import { LogBuffer } from './buffer';

/** Gives what stands in the log as lines of their own, and what is folded into each. */
function folded(...texts: string[]) {
  const buffer = new LogBuffer();
  // One at a time, as they come.
  for (const text of texts)
    buffer.add([buffer.line({ pod: 'a', container: 'app', time: '2026-01-01T00:00:00Z', text })]);
  expect(buffer.length).toBe(texts.length);
  return buffer
    .all(() => true)
    .map((entry) => [entry.text, ...((entry.kind === 'line' && entry.more) || [])].join('\n'));
}

const whole = (text: string) => text.replace(/^\n/, '').replace(/\n$/, '').split('\n');

const TRACES = {
  Python: `
Traceback (most recent call last):
  File "/app/shop.py", line 3, in <module>
    take(order)
    ~~~~^^^^^^^
ValueError: no stock`,
  'Python, a class of a package without words': `
Traceback (most recent call last):
  File "/app/shop.py", line 3, in <module>
shop.errors.Empty`,
  'Python, behind what the program said': `
ERROR:root:order refused
Traceback (most recent call last):
  File "/app/shop.py", line 3, in take
    raise ValueError
ValueError`,
  'Python, one exception of another': `
Traceback (most recent call last):
  File "/app/shop.py", line 3, in take
    items[0]
IndexError: list index out of range

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/shop.py", line 9, in main
    take()
shop.Empty: no stock`,
  Java: `
Exception in thread "main" shop.Refused: no stock
	at shop.Order.take(Order.java:7)
	Suppressed: shop.Closed: closed
		at shop.Order.close(Order.java:9)
Caused by: shop.Empty
	... 9 more`,
  Node: `
Error: connect ECONNREFUSED 127.0.0.1:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16) {
  errno: -111,
  code: 'ECONNREFUSED'
}`,
  Go: `
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.take(...)
	/app/main.go:12
main.(*Shop).run(0xc000012345, {0x1, 0x2})
	/app/main.go:8 +0x1d
created by main.main in goroutine 1
	/app/main.go:4 +0x25
exit status 2`,
  'Go, of a server': `
2026/01/01 00:00:00 http: panic serving 10.0.0.1:4242: boom
goroutine 33 [running]:
net/http.(*conn).serve.func1()
	/usr/local/go/src/net/http/server.go:1868 +0xb9`,
  '.NET': `
Unhandled exception. System.InvalidOperationException: no stock
   at Shop.Order.Take() in /app/Order.cs:line 7
--- End of stack trace from previous location ---
   at Shop.Program.Main()`,
};

for (const [name, trace] of Object.entries(TRACES))
  test(`a stack trace is one: ${name}`, () => {
    const lines = whole(trace);
    expect(folded('listening on :8080', ...lines, 'INFO goes on')).toEqual([
      'listening on :8080',
      lines.join('\n'),
      'INFO goes on',
    ]);
  });

test('what only looks like the end of a trace is a line of its own', () => {
  for (const lines of [
    ['listening on :8080', 'ValueError: told, not raised'],
    ['settings:', '  port: 8080', 'Ready: yes'],
    ['started', '}'],
    ['taken', 'main.take(1)'],
    ['one', '', 'two'],
    ['ERROR no stock', '  INFO 1 --- [main] shop', 'attention', ' [warn] slow'],
  ])
    expect(folded(...lines).slice(-1), lines.join(' | ')).toEqual(lines.slice(-1));
});

test('behind a Python trace the log goes on', () => {
  const lines = whole(TRACES.Python);
  expect(folded(...lines, 'Retrying: in 3 s', 'Traceback (most recent call last):')).toEqual([
    lines.join('\n'),
    'Retrying: in 3 s',
    'Traceback (most recent call last):',
  ]);
  expect(folded(...lines.slice(0, -1), 'INFO: another thread')).toEqual([
    lines.slice(0, -1).join('\n'),
    'INFO: another thread',
  ]);
});
