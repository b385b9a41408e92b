// An environment from nothing, by the wizard.

import { ensure, followed, isOff, usable } from './parts.mjs';

const next = (page) => page.getByRole('button', { name: 'Next' }).click();

/** Fails where something secret is in the address or in what the browser keeps. */
async function holdsNothing(page, secret) {
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  for (const [where, text] of Object.entries({ address: page.url(), storage: kept }))
    ensure(!text.includes(secret), `what is secret is in the ${where}`);
}

export const environments = {
  /** Says in three steps what an environment is, and writes nothing yet; returns what would be written. */
  'describe an environment': {
    run: async (page, { name, namespace, repository, user, token, flux }) => {
      await page.getByRole('button', { name: 'New environment…' }).first().click();
      await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
      const place = page.locator('form').getByRole('combobox', { name: 'Namespace' });
      ensure((await place.inputValue()) === namespace, 'the namespace that was looked at is not the one proposed');
      await next(page);
      await page.getByLabel('Address of the gitops repository').fill(repository);
      await page.getByRole('textbox', { name: 'Token' }).fill(token);
      await page.getByLabel('User name that goes with it').fill(user);
      await next(page);
      await page.getByLabel("Namespace of Flux' objects").fill(flux);
      await usable(page.getByRole('button', { name: 'Create environment' }));
      await page.locator(`.text-block >> text=${repository}`).waitFor();
      await holdsNothing(page, token);
      return { written: await page.locator('.wizard-object summary').allTextContents() };
    },
  },

  /** Creates the environment that was described, and returns the command that the next step shows. */
  'create the environment': {
    // Whoever may make no namespaces is told so, and goes on with the one that is there.
    expected: ['403'],
    run: async (page, { token }) => {
      await page.getByRole('button', { name: 'Create environment' }).click();
      await page.waitForURL('**step=flux**');
      await page.locator('ul[aria-label=Flux] li').first().waitFor();
      await holdsNothing(page, token);
      return { command: await page.getByLabel('Connect', { exact: true }).locator('.copy-line pre').textContent() };
    },
  },

  /** Goes on to the last step, releases a first app, and follows it. */
  'release the first app': {
    run: async (page, { app, image, target }) => {
      await next(page);
      await page.locator('text=No agent is needed').waitFor();
      await next(page);
      const button = page.getByRole('button', { name: 'Create release' });
      ensure(await isOff(button), 'the button can be used before it is said what');
      await page.getByRole('textbox', { name: 'App', exact: true }).fill(app);
      await page.getByRole('textbox', { name: 'Image' }).fill(image);
      await page.getByRole('textbox', { name: 'Namespace', exact: true }).fill(target);
      await usable(button);
      const place = page.getByLabel('Plan', { exact: true }).first();
      await place.locator('.diff-file').first().waitFor();
      const plan = await place.textContent();
      await button.click();
      return { plan, ...(await followed(page)) };
    },
  },
};
