// Opens every screen on the fake backend in light and dark: pictures, axe, console, bundle budgets.
//   node tests/screens.mjs [folder for the pictures [pattern of names]]     (npm run build comes first)
// Fails on: a serious finding of axe, a message in the console, a violation of the CSP, a bundle over its budget.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { seriousIn } from './axe.mjs';
import { launch, openPage, unexpected } from './chromium.mjs';
import { expectedInSteps, screens, steps } from './script.mjs';

const WEB = fileURLToPath(new URL('..', import.meta.url));
const BUDGET = { first: 300, lazy: 350 };

const wanted = new RegExp(process.argv[3] ?? '');
const pictures = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'gimlet-screens-'));
mkdirSync(pictures, { recursive: true });
const faults = [];
let passed = 0;
const fail = (what) => {
  faults.push(what);
  console.log(`FAIL ${what}`);
};
const pass = (what) => {
  passed++;
  console.log(`ok   ${what}`);
};

/** Starts a fake backend, and returns its address and how to end it and to start it again. */
async function startBackend(...options) {
  let child;
  let port = '0';
  const backend = {
    address: '',
    start: () => {
      child = spawn(process.execPath, [join(WEB, 'dev/server.mjs'), '--port', port, ...options], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      return new Promise((resolve, reject) => {
        child.stdout.once('data', (text) => {
          backend.address = String(text).trim();
          // Started again, it is where it was.
          port = new URL(backend.address).port;
          resolve();
        });
        child.once('exit', (code) => reject(new Error(`the backend ended with ${code}`)));
      });
    },
    // A step that failed may have left it stopped.
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', resolve);
        child.kill();
      }),
  };
  await backend.start();
  return backend;
}

/* ---- bundles ---- */
const manifest = () => JSON.parse(readFileSync(join(WEB, 'dist/.vite/manifest.json'), 'utf8'));

/** Sums what a page needs beside the first load, gzipped, in KB. */
function weigh() {
  const chunks = manifest();
  const sizes = new Map();
  const size = (file) => {
    if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(join(WEB, 'dist', file)), { level: 9 }).length / 1024);
    return sizes.get(file);
  };
  const filesOf = (key, seen = new Set()) => {
    if (seen.has(key)) return [];
    seen.add(key);
    const { file, css = [], imports = [] } = chunks[key];
    return [file, ...css, ...imports.flatMap((each) => filesOf(each, seen))];
  };
  const sum = (files) => [...new Set(files)].reduce((total, file) => total + size(file), 0);
  const first = new Set(filesOf('index.html'));
  const judge = (name, kilobytes, budget) => {
    const text = `${name}: ${kilobytes.toFixed(0)} KB of ${budget}`;
    if (kilobytes > budget) fail(text);
    else pass(text);
  };
  judge('bundle of the first route', sum([...first]), BUDGET.first);
  for (const key of Object.keys(chunks).filter((each) => chunks[each].isDynamicEntry)) {
    const lazy = filesOf(key).filter((file) => !first.has(file));
    judge(`bundle of ${key} beside the first route`, sum(lazy), BUDGET.lazy);
  }
}

/* ---- pages ---- */
// A refused request is a message of the browser itself; those that a screen is about are expected.
async function judgePage(page, name, messages, expected) {
  const serious = await seriousIn(page);
  for (const finding of serious) fail(`${name}: ${finding}`);
  for (const message of unexpected(messages, expected)) fail(`${name}: console: ${message}`);
  await page.screenshot({ path: join(pictures, `${name}.png`) });
  if (serious.length === 0) pass(name);
}

// What never ends is a fault too, and one that nobody waits for.
setTimeout(() => {
  console.log('FAIL the screens were not through after 30 minutes');
  process.exit(1);
}, 30 * 60_000).unref();

const browser = await launch();
weigh();
const backends = {
  usual: await startBackend('--still'),
  viewer: await startBackend('--still', '--user', 'viewer'),
  empty: await startBackend('--still', '--empty'),
  out: await startBackend('--still', '--signed-out'),
  provider: await startBackend('--still', '--signed-out', '--provider'),
  refused: await startBackend('--still', '--signed-out', '--provider', '--refused'),
  nobody: await startBackend('--still', '--user', 'nobody'),
};
try {
  for (const scheme of ['light', 'dark']) {
    for (const { name, path, as = 'usual', width, height, ready, act, expected = [], state } of screens.filter((each) =>
      wanted.test(`${each.name}-${scheme}`),
    )) {
      const { page, messages, close } = await openPage(browser, { scheme, width, height, state });
      const label = `${name}-${scheme}`;
      try {
        await page.goto(backends[as].address + path);
        await page.locator(ready).first().waitFor({ timeout: 60_000 });
        if (act) await act(page);
        await judgePage(page, label, messages, expected);
      } catch (error) {
        await page.screenshot({ path: join(pictures, `${label}.png`) });
        fail(`${label}: ${error.message.split('\n').slice(0, 3).join(' ')}`);
      }
      await close();
    }
  }
  for (const [name, step] of Object.entries(steps).filter(([name]) => wanted.test(name))) {
    const backend = await startBackend('--still');
    const { page, messages, close } = await openPage(browser, { scheme: 'light' });
    try {
      await step(page, backend);
      for (const message of unexpected(messages, expectedInSteps)) fail(`${name}: console: ${message}`);
      pass(name);
    } catch (error) {
      await page.screenshot({ path: join(pictures, `fault-${passed}.png`) });
      fail(`${name}: ${error.message.split('\n').slice(0, 4).join(' ')}`);
    }
    await close();
    await backend.stop();
  }
} finally {
  await browser.close();
  for (const backend of Object.values(backends)) await backend.stop();
}
console.log(`pictures: ${pictures} (${readdirSync(pictures).length})`);
console.log(`${passed} passed, ${faults.length} failed`);
process.exitCode = faults.length ? 1 : 0;
