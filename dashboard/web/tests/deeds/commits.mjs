// From a commit to a release.

import { followed, planned } from './parts.mjs';

export const commits = {
  /** Releases what was built of a commit by the button beside it, and follows it. */
  'release a commit': {
    run: async (page, { commit, environment }) => {
      const row = page.locator('.commits tbody tr').filter({ hasText: commit });
      await row.getByRole('button', { name: 'Release…' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('checkbox', { name: environment }).check();
      const button = dialog.getByRole('button', { name: /^Create release/ });
      const plan = await planned(dialog, button);
      await button.click();
      return { plan, ...(await followed(page)) };
    },
  },
};
