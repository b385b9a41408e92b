// Drives one browser for the journeys on a real control plane (e2e/tests/journeys/browser.rs), which say on stdin what
// people do and are told on stdout what they saw: a JSON object on each line.
//   {"id": 1, "person": "ada", "do": "release", "with": {…}}  →  {"id": 1, "told": {…}} or {"id": 1, "fault": "…"}
// Each person has a page with cookies of their own. What the console of a page says, and is not expected, is a fault.
// It ends with its stdin.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { launch, openPage, unexpected } from './chromium.mjs';
import { deeds } from './deeds.mjs';

const pictures = process.argv[2];
const PATIENCE = 60_000;

const browser = await launch();
const people = new Map();

/** Does one thing as a person, and returns what they saw. */
async function act({ person, do: name, with: given }) {
  const deed = deeds[name];
  if (!deed) throw new Error(`nobody knows how to ${name}`);
  if (!people.has(person)) people.set(person, openPage(browser));
  const { page, messages } = await people.get(person);
  page.setDefaultTimeout(PATIENCE);
  const told = await deed.run(page, given, pictures);
  const odd = unexpected(messages, deed.expected ?? []);
  if (odd.length > 0) throw new Error(`the console says: ${odd.join('; ')}`);
  return told ?? {};
}

/** Leaves a picture of what a person saw when it went wrong, and returns what to say. */
async function faultOf({ id, person, do: name }, error) {
  const said = error.message.split('\n').slice(0, 6).join(' ');
  const found = await people.get(person)?.catch(() => undefined);
  if (!found) return said;
  const { page, messages } = found;
  mkdirSync(pictures, { recursive: true });
  const picture = join(pictures, `${person}-${name}-${id}.png`);
  await page.screenshot({ path: picture, timeout: 10_000 }).catch(() => undefined);
  return `${said} (at ${page.url()}; picture: ${picture}; console: ${unexpected(messages, []).join('; ') || 'nothing'})`;
}

// Who asked may be gone by the end.
process.stdout.on('error', () => {});
const answer = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
answer({ id: 0, told: {} });
for await (const line of createInterface({ input: process.stdin })) {
  const wanted = JSON.parse(line);
  act(wanted).then(
    (told) => answer({ id: wanted.id, told }),
    async (error) => answer({ id: wanted.id, fault: await faultOf(wanted, error) }),
  );
}
await browser.close();
