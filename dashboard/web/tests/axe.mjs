// What axe finds on a page.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Returns what is serious or critical on a page, each in one line. */
export async function seriousIn(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes: [first, ...others] }) => {
      const why = first.any[0]?.message ?? first.failureSummary;
      return `axe ${id} in ${others.length + 1} places, such as ${first.target.join(' ')}: ${why}`;
    });
}
