// Releasing and rolling back.

import { ensure, followed, isOff, planned } from './parts.mjs';

export const releases = {
  /** Releases a version by the menu of the overview and the dialog, and follows it. */
  release: {
    run: async (page, { app, environment, version }) => {
      await page.getByRole('button', { name: `Actions for ${app}` }).click();
      await page.getByRole('menuitem', { name: 'Release…' }).click();
      const dialog = page.getByRole('dialog');
      const button = dialog.getByRole('button', { name: /^Create release/ });
      await dialog.getByRole('radio', { name: version }).check();
      ensure(await isOff(button), 'the button can be used before it is said where to');
      await dialog.getByRole('checkbox', { name: environment }).check();
      const plan = await planned(dialog, button);
      await button.click();
      return { plan, ...(await followed(page)) };
    },
  },

  /** Rolls the app of a page back to what was there before, by keys and the dialog, and follows it. */
  'roll back': {
    run: async (page, { reason }) => {
      await page.locator('.key-bar >> text=roll back').waitFor();
      await page.keyboard.press('b');
      const dialog = page.getByRole('dialog');
      await dialog.locator('.diff-file').first().waitFor();
      const button = dialog.getByRole('button', { name: /^Roll back/ });
      ensure(await isOff(button), 'the button can be used without a reason');
      await dialog.getByLabel('Reason').fill(reason);
      const plan = await planned(dialog, button);
      await page.keyboard.press('Control+Enter');
      return { plan, ...(await followed(page)) };
    },
  },
};
