/** Stack traces: which lines are no lines of their own, but more of what the same container wrote before. */

const INDENTED = /^\s+\S/;
const FOLDED = /^(\s+\S|at\s|Caused by\b|\.\.\. \d+ more\b|--- End of )/;
/** Programs that write their levels in columns begin lines with blanks, too. */
const LEVELLED = /^\s*[[(<]?(trace|debug|info|notice|warn|warning|error|severe|fatal|panic)\b/i;

const PYTHON = /^(Traceback \(most recent call last\):| {2}File ")/;
/** What Python writes last: the class of the exception, and what it says. */
const RAISED = /^[\p{L}_][\p{L}\p{N}_.<>]*(: .*)?$/u;
/** What Python writes between the trace of an exception and that of the one it led to. */
const CHAIN =
  /^(During handling of the above exception, another exception occurred|The above exception was the direct cause of the following exception):$/;

/** How Go begins to die; its servers say it within a line. */
const PANIC = /\bpanic(: | serving )|^fatal error: /;
const GOROUTINE = /^goroutine \d+ .*\]:$/;
const GO = /^(\[signal |goroutine \d+ .*\]:$|created by \S|exit status \d+$|\S+\(.*\)$)/;

/** How a thread of Rust begins to die. What it says is the whole next line, but for versions that put it in between. */
const PANICKED = /^thread '[^']*' (\(\d+\) )?panicked at /;
const PANICKED_AT = /:\d+:\d+:$/;
const RUST =
  /^(stack backtrace:|\d{4,}: .*|note: (run with `RUST_BACKTRACE=|some details are omitted, run with `RUST_BACKTRACE=).*)$/i;
/** What an error that `main` of Rust gives back puts behind an empty line. */
const SECTION = /^(Caused by|Stack backtrace):$/;

const isBlank = (text: string) => text.trim() === '';

/** Tells whether what was written so far is a Python trace without its last line. */
function isRaising(lines: readonly string[]): boolean {
  if (!INDENTED.test(lines.at(-1) ?? '')) return false;
  const head = lines.findLast((line) => !INDENTED.test(line)) ?? lines[0] ?? '';
  return PYTHON.test(head);
}

const isGo = (lines: readonly string[]) => PANIC.test(lines[0] ?? '') || lines.some((line) => GOROUTINE.test(line));

const isRust = ([head = '']: readonly string[]) => PANICKED.test(head) || head.startsWith('Error: ');

/** Tells whether a line begins a stack trace and has no word for how bad that is. */
export const beginsTrace = (text: string) => text.startsWith('Traceback (') || PANICKED.test(text);

/** Tells whether the next line is more of a line, whatever it says. */
export const isOpen = (text: string) => PANICKED.test(text) && PANICKED_AT.test(text);

/** Tells whether a line may be more of another one, whatever that is: most lines are not, and that is known at once. */
export const mayContinue = (text: string) =>
  isBlank(text) ||
  text === '}' ||
  FOLDED.test(text) ||
  PYTHON.test(text) ||
  RAISED.test(text) ||
  CHAIN.test(text) ||
  GO.test(text) ||
  RUST.test(text);

/** Tells whether a line is more of what was written before: of a stack trace, or of a long message. */
export function continues(text: string, lines: readonly string[], isError = false): boolean {
  const [head = ''] = lines;
  const last = lines.at(-1) ?? '';
  if (isBlank(head)) return false;
  if (lines.length === 1 && isOpen(head)) return !PANICKED.test(text);
  if (isBlank(text)) return CHAIN.test(last) || (isGo(lines) && !isBlank(last));
  if (FOLDED.test(text)) return !LEVELLED.test(text);
  if (PYTHON.test(text)) return isError || CHAIN.test(lines.findLast((line) => !isBlank(line)) ?? '');
  if (CHAIN.test(text)) return lines.some((line) => PYTHON.test(line));
  if (isRaising(lines)) return RAISED.test(text) && !LEVELLED.test(text);
  // The fields of an error of Node.
  if (text === '}') return lines.some((line) => /^\s+at .*\{$/.test(line));
  return (GO.test(text) && isGo(lines)) || (RUST.test(text) && isRust(lines));
}

/** Tells whether a line goes over the empty one before it to what that stands behind. */
export const reachesOver = (text: string) => CHAIN.test(text) || SECTION.test(text);
