// What people do in the journeys on a real control plane; `expected` are messages of the browser that belong to it.

const isOff = async (button) => (await button.getAttribute('aria-disabled')) === 'true';

/** Fails unless something holds. */
function ensure(holds, what) {
  if (!holds) throw new Error(what);
}

/** Waits until a guarded button can be used. */
const usable = (button) => button.and(button.page().locator(':not([aria-disabled])')).waitFor();

/** Opens the dialog's plan, and returns what it says once the button can be used: never before. */
async function planned(dialog, button) {
  await usable(button);
  ensure(await dialog.locator('.release-plan').first().isVisible(), 'the button can be used before the plan is there');
  await dialog.locator('.diff-file').first().waitFor();
  return dialog.locator('.release-plan').textContent();
}

/** Follows a release on its page until it is healthy, and returns what the page links. */
async function followed(page) {
  await page.waitForURL('**/releases/**');
  await page.locator('h1 >> text=Healthy').waitFor();
  const commit = page.locator('.facts a:has(.sha)').first();
  return {
    name: decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1)),
    commit: await commit.locator('.sha').getAttribute('title'),
    link: await commit.getAttribute('href'),
    timeline: await page.locator('.timeline').textContent(),
  };
}

export const deeds = {
  /** Opens a page as nobody, signs in with a token, and waits until it is live. */
  'sign in': {
    expected: ['401'],
    run: async (page, { address, path, token }) => {
      await page.goto(address + path);
      await page.getByRole('textbox', { name: 'Kubernetes token' }).fill(token);
      await page.keyboard.press('Enter');
      await page.locator('.live[data-state=open]').waitFor();
      // A page that was loaded anew does not have it.
      await page.evaluate(() => Object.assign(globalThis, { stayed: true }));
    },
  },

  /** Goes to another page of the app by its address. */
  go: {
    run: async (page, { address, path }) => {
      await page.goto(address + path);
      await page.locator('.live[data-state=open]').waitFor();
      await page.evaluate(() => Object.assign(globalThis, { stayed: true }));
    },
  },

  /** Waits until a place says something, without a reload. */
  see: {
    run: async (page, { at, says }) => {
      await page.locator(at).filter({ hasText: says }).first().waitFor();
      ensure(await page.evaluate(() => globalThis.stayed), 'the page was loaded anew');
      return { text: await page.locator(at).filter({ hasText: says }).first().textContent() };
    },
  },

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

  /** Opens the form of an app that was never released. */
  'open the form': {
    expected: ['404'],
    run: async (page, { address, path }) => {
      await page.goto(address + path);
      await page.locator('.cm-content').waitFor();
      await page.evaluate(() => Object.assign(globalThis, { stayed: true }));
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
      return { link: await state.locator('a').first().getAttribute('href') };
    },
  },

  /** Closes the page. */
  leave: { run: (page) => page.context().close() },
};
