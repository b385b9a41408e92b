// The panel of logs.

import { ensure } from './parts.mjs';

const lines = (page) => page.locator('.logs-line .logs-text').allTextContents();

export const logs = {
  /** Opens the log of the first app beside the overview by keys, without a right to it, and returns what is said. */
  'be refused the log': {
    expected: ['403'],
    run: async (page) => {
      await page.locator('[data-spot="0.0"]').focus();
      await page.keyboard.press('l');
      await page.waitForURL('**panel=logs**');
      return { why: await page.locator('.logs-said [role=alert]').textContent() };
    },
  },

  /** Asks for the log once more, by the button. */
  'try again': {
    expected: ['403'],
    run: (page) => page.locator('.logs-said').getByRole('button', { name: 'Try again' }).click(),
  },

  /** Filters the lines, and returns those that are left and the address. */
  'filter the log': {
    run: async (page, { words, without }) => {
      await page.getByLabel('Filter lines').fill(words);
      await page.locator('.logs-line .logs-text').filter({ hasText: without }).first().waitFor({ state: 'detached' });
      await page.waitForURL('**find=**');
      return { lines: await lines(page), address: page.url() };
    },
  },

  /** Holds the log by its key. */
  'hold the log': {
    run: async (page) => {
      await page.locator('.logs-lines').focus();
      await page.keyboard.press('f');
      await page.getByRole('button', { name: 'Follow' }).waitFor();
    },
  },

  /** Follows the log again once it is told how much is newer, and returns what was shown until then. */
  'follow the log': {
    run: async (page, { newer }) => {
      await page
        .locator('.logs-foot')
        .filter({ hasText: `${newer} newer` })
        .waitFor();
      const before = await lines(page);
      await page.getByRole('button', { name: 'Follow' }).click();
      await page.getByRole('button', { name: 'Pause' }).waitFor();
      return { before };
    },
  },

  /** Closes the panel; the page beside it stays. */
  'close the log': {
    run: async (page) => {
      await page.getByRole('button', { name: 'Close logs and events' }).click();
      await page.locator('.logs-panel').waitFor({ state: 'detached' });
      ensure(!page.url().includes('panel='), 'the panel is in the address still');
    },
  },
};
