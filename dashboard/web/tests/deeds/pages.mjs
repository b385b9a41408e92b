// Coming, looking and leaving.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { seriousIn } from '../axe.mjs';
import { ensure, isOff, settle, stayed } from './parts.mjs';

export const pages = {
  /** Opens a page as nobody, signs in with a token, and waits until it is live. */
  'sign in': {
    expected: ['401'],
    run: async (page, { address, path, token }) => {
      await page.goto(address + path);
      await page.getByRole('textbox', { name: 'Kubernetes token' }).fill(token);
      await page.keyboard.press('Enter');
      await page.locator('.live[data-state=open]').waitFor();
      await settle(page);
    },
  },

  /** Goes to another page of the app by its address. */
  go: {
    run: async (page, { address, path }) => {
      await page.goto(address + path);
      await page.locator('.live[data-state=open]').waitFor();
      await settle(page);
    },
  },

  /** Waits until a place says something, without a reload. */
  see: {
    run: async (page, { at, says }) => {
      await page.locator(at).filter({ hasText: says }).first().waitFor();
      await stayed(page);
      return { text: await page.locator(at).filter({ hasText: says }).first().textContent() };
    },
  },

  /** Looks at the page in dark and in light: leaves a picture of each, and fails where axe finds something serious. */
  look: {
    run: async (page, { name }, pictures) => {
      mkdirSync(pictures, { recursive: true });
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) });
        const serious = await seriousIn(page);
        ensure(serious.length === 0, `${name} in ${colorScheme}: ${serious.join('; ')}`);
      }
    },
  },

  /** Finds every way to release disabled, with the reason, and sends a request all the same. */
  'be refused': {
    expected: ['403'],
    run: async (page, { namespace, body }) => {
      const reasons = page.locator('.page-head span[hidden]').filter({ hasText: 'create releases' });
      await reasons.first().waitFor({ state: 'attached' });
      for (const name of ['Release…', 'Roll back…'])
        ensure(await isOff(page.locator('.page-head').getByRole('button', { name })), `${name} can be used`);
      const answer = await page.evaluate(
        async ([path, body]) => {
          const headers = { 'Content-Type': 'application/json' };
          const answer = await fetch(path, { method: 'POST', headers, body });
          return { status: answer.status, said: await answer.json() };
        },
        [`/apis/gimlet.io/v1alpha1/namespaces/${namespace}/releases`, JSON.stringify(body)],
      );
      return { why: await reasons.first().textContent(), ...answer };
    },
  },

  /** Closes the page. */
  leave: { run: (page) => page.context().close() },
};
