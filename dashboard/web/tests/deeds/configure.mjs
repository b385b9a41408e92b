// Changing an app's settings.

import { settle, usable } from './parts.mjs';

export const configure = {
  /** Opens the form of an app that was never released. */
  'open the form': {
    run: async (page, { address, path }) => {
      await page.goto(address + path);
      await page.locator('.cm-content').waitFor();
      await settle(page);
    },
  },

  /** Changes a setting in the form. */
  'change a setting': {
    run: (page, { setting, value }) => page.locator(`[id="setting-${setting}"]`).fill(value),
  },

  /** Puts the change that somebody else has made meanwhile into the own text. */
  'merge both': {
    run: async (page) => {
      await page.getByRole('button', { name: 'Merge both' }).click();
      await page.locator('text=both changes are in the text').waitFor();
    },
  },

  /** Sends what was changed, and returns what the page links once it says so. */
  send: {
    run: async (page, { how, says }) => {
      const button = page.getByRole('button', { name: how });
      await usable(button);
      await button.click();
      const state = page.getByRole('status').filter({ hasText: says });
      await state.waitFor();
      // What is on the branch is no change any more.
      if (how.startsWith('Commit')) await button.and(page.locator('[aria-disabled]')).waitFor();
      return { link: await state.locator('a').first().getAttribute('href') };
    },
  },
};
