// The browser that tests drive: the system's Chromium, and pages of it whose messages are kept.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const CHROMIUM = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path && existsSync(path));

/** Starts the browser. */
export function launch() {
  if (!CHROMIUM) throw new Error('there is no Chromium: apt-get install chromium, or name one in CHROMIUM');
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

/** Opens a page with cookies of its own, and collects what its console says: violations of the CSP too. */
export async function openPage(browser, { scheme = 'light', width = 1360, height = 860, state } = {}) {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height },
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const messages = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && messages.push(message.text()));
  page.on('pageerror', (error) => messages.push(String(error)));
  if (state)
    await context.addInitScript((kept) => localStorage.setItem('gimlet.preferences', kept), JSON.stringify(state));
  return { page, messages, close: () => context.close() };
}

/** Takes out of the messages what is expected, and returns the others. */
export const unexpected = (messages, expected) =>
  messages.splice(0).filter((message) => !expected.some((text) => message.includes(text)));
