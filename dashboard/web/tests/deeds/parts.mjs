// What several things that people do have in common.

/** Fails unless something holds. */
export function ensure(holds, what) {
  if (!holds) throw new Error(what);
}

/** Tells whether a guarded button cannot be used. */
export const isOff = async (button) => (await button.getAttribute('aria-disabled')) === 'true';

/** Waits until a guarded button can be used. */
export const usable = (button) => button.and(button.page().locator(':not([aria-disabled])')).waitFor();

/** Remembers that a page was loaded: one that was loaded anew does not have it. */
export const settle = (page) => page.evaluate(() => Object.assign(globalThis, { stayed: true }));

/** Fails where a page was loaded anew since it settled. */
export async function stayed(page) {
  ensure(await page.evaluate(() => globalThis.stayed), 'the page was loaded anew');
}

/** Opens the dialog's plan, and returns what it says once the button can be used: never before. */
export async function planned(dialog, button) {
  await usable(button);
  ensure(await dialog.locator('.release-plan').first().isVisible(), 'the button can be used before the plan is there');
  await dialog.locator('.diff-file').first().waitFor();
  return dialog.locator('.release-plan').textContent();
}

/** Follows a release on its page until it is healthy, and returns what the page links. */
export async function followed(page) {
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
