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
  Rust: `
thread 'main' panicked at src/main.rs:2:5:
no stock
note: run with \`RUST_BACKTRACE=1\` environment variable to display a backtrace`,
  'Rust, with its backtrace': `
thread 'worker 1' (9501) panicked at src/order.rs:1:33:
assertion \`left == right\` failed: the stock is wrong
  left: 1
 right: 2
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/59807616e1fa/library/std/src/panicking.rs:689:5
   1: shop::order::take
             at ./src/order.rs:1:33
1000: shop::main
note: Some details are omitted, run with \`RUST_BACKTRACE=full\` for a verbose backtrace.`,
  'Rust, without a word': `
thread '<unnamed>' panicked at src/main.rs:5:72:

stack backtrace:
   0: std::panicking::begin_panic`,
  'Rust, before 1.73': `
thread 'main' panicked at 'no stock', src/main.rs:2:5
note: run with \`RUST_BACKTRACE=1\` environment variable to display a backtrace`,
  'Rust, what looks like a line of its own': `
thread 'main' panicked at src/main.rs:2:5:
ERROR: goroutine 1 [running]:`,
  'Rust, an error of main': `
Error: the settings cannot be read

Caused by:
    0: opening settings.toml
    1: No such file or directory (os error 2)

Stack backtrace:
   0: anyhow::error::from_std
             at /anyhow/src/backtrace.rs:27:14`,
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

test('what a thread of Rust says is found behind the lines of others, and is one line', () => {
  const buffer = new LogBuffer();
  const line = (pod: string, text: string, second = 0) =>
    buffer.line({ pod, container: 'app', time: `2026-01-01T00:00:0${second}Z`, text });
  const head = (thread: string) => `thread '${thread}' panicked at src/main.rs:2:5:`;
  buffer.add([line('a', head('one')), line('b', 'taken')]);
  buffer.add([line('a', 'no stock'), line('a', 'goes on'), line('a', head('two')), line('a', head('three'))]);
  buffer.add([line('a', 'no order'), line('b', 'sent'), line('b', head('four')), line('b', 'much later', 9)]);
  expect(
    buffer.all(() => true).map((entry) => [entry.text, ...((entry.kind === 'line' && entry.more) || [])].join(' | ')),
  ).toEqual([
    `${head('one')} | no stock`,
    'taken',
    'goes on',
    head('two'),
    `${head('three')} | no order`,
    'sent',
    head('four'),
    'much later',
  ]);
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
