/** Lines of logs: what is recognised in them. */

import { beginsTrace } from './trace';

export type Level = 'error' | 'warn' | 'info' | 'debug';

const LEVELS: [RegExp, Level][] = [
  [/^(fatal|panic|crit(ical)?|alert|emerg(ency)?|err(or)?|severe)$/i, 'error'],
  [/^warn(ing)?$/i, 'warn'],
  [/^(info|notice)$/i, 'info'],
  [/^(debug|trace)$/i, 'debug'],
];
const WORD = /\b(fatal|panic|critical|error|err|severe|warning|warn|info|notice|debug|trace)\b/i;
/** Letters in which a level is looked for: further on it is part of what is said. */
const HEAD = 64;

const ESCAPE = '\u001b';
/** What terminals are told: colours and movements, titles, and single characters but the tab. */
const CONTROL = new RegExp(
  [`${ESCAPE}\\[[0-9;?]*[ -/]*[@-~]`, `${ESCAPE}\\][^\u0007${ESCAPE}]*(?:\u0007|${ESCAPE}\\\\)`, '(?!\\t)\\p{Cc}'].join(
    '|',
  ),
  'gu',
);

/** Takes away what is meant for a terminal: colours, titles, movements of the cursor. */
export const plain = (text: string) => text.replace(CONTROL, '');

const levelOf = (word: unknown): Level | undefined =>
  typeof word === 'string' ? LEVELS.find(([pattern]) => pattern.test(word))?.[1] : undefined;

/** What a line of JSON says, and the rest of its fields. */
export interface Said {
  main: string;
  rest: string;
}

function fieldsOf(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Recognises the level of a line, by its JSON or by a word at its beginning. */
export function recognise(text: string): Level | undefined {
  const fields = fieldsOf(text);
  if (fields) return levelOf(fields.level ?? fields.severity ?? fields.lvl);
  if (beginsTrace(text)) return 'error';
  return levelOf(WORD.exec(text.slice(0, HEAD))?.[0]);
}

const TIMES = ['time', 'ts', 'timestamp', '@timestamp'];

/** Returns what a line says: of JSON its message first, and its other fields after it. */
export function saidBy(text: string): Said {
  const fields = fieldsOf(text);
  const key = ['msg', 'message'].find((name) => typeof fields?.[name] === 'string');
  if (!fields || !key) return { main: text, rest: '' };
  const rest = Object.entries(fields)
    // The time stands at the beginning of the line already.
    .filter(([name]) => name !== key && !TIMES.includes(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return { main: String(fields[key]), rest: rest.join(' ') };
}
