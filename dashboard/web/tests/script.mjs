// The screens and what people do on them.

import { readFileSync } from 'node:fs';

const APP = '/apps/team-shop/checkout/prod-eu';
const RUNS = '/apps/team-shop/catalog/prod-us';
const FAILED = '/releases/team-shop/catalog.prod-us-f4l3d';
const WIZARD = '/environments/new?name=qa&in=team-shop&url=https://github.com/acme/gitops.git';

/** Opens the editor of an environment's rules, and has another number of people agree. */
async function editRules(page, count) {
  await page.getByRole('button', { name: 'Edit…' }).click();
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('End');
  await page.keyboard.press('Backspace');
  await page.keyboard.type(count);
}

/** Types a value at the top of those of the manifest, where a setting that is not set leads. */
async function typeValue(page, text) {
  await page.getByRole('button', { name: 'Edit in YAML' }).first().click();
  await page.waitForFunction(() => document.activeElement?.closest('.yaml-editor'));
  // The next line is indented as this one.
  await page.keyboard.type(`${text}\n`);
}

export const screens = [
  { name: 'sign-in', path: '/', as: 'out', ready: 'text=Kubernetes token', expected: ['401'] },
  { name: 'sign-in-provider', path: '/', as: 'provider', ready: 'text=Continue with Acme', expected: ['401'] },
  {
    name: 'sign-in-provider-narrow',
    path: '/',
    as: 'provider',
    width: 420,
    ready: 'text=Continue with Acme',
    expected: ['401'],
  },
  { name: 'sign-in-refused', path: '/', as: 'refused', ready: 'text=cannot be reached', expected: ['401'] },
  { name: 'no-rights', path: '/', as: 'nobody', ready: 'text=has no claim', expected: ['403'] },
  { name: 'overview', path: '/', ready: '[role=row] >> text=checkout' },
  { name: 'overview-worst', path: '/?order=worst&show=failing', ready: '[role=row] >> text=catalog' },
  { name: 'overview-narrow', path: '/', width: 420, height: 860, ready: '[role=row] >> text=checkout' },
  {
    name: 'overview-dense',
    path: '/',
    ready: '[role=row] >> text=checkout',
    state: { dense: true, stars: ['team-shop/search'] },
  },
  {
    name: 'overview-peek',
    path: '/',
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.locator('[role=row]:has(strong:text-is("checkout")) [data-spot$=".2"]').focus();
      await page.keyboard.press('Space');
      const peek = page.getByRole('dialog', { name: 'checkout in prod-eu' });
      await peek.locator('text=hotfix for #812').waitFor();
      await peek.locator('.peek-steps >> text=Waiting').waitFor();
    },
  },
  {
    name: 'overview-peek-narrow',
    path: '/',
    width: 420,
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.locator('[data-spot="1.1"]').focus();
      await page.keyboard.press('Space');
      await page.getByRole('dialog', { name: 'cart in staging' }).locator('.peek-steps >> text=Healthy').waitFor();
    },
  },
  { name: 'overview-grouped', path: '/?group=part&fold=people', ready: '[role=row] >> text=market' },
  { name: 'overview-grouped-narrow', path: '/?group=part&fold=people', width: 420, ready: '[role=row] >> text=market' },
  {
    name: 'overview-columns',
    path: '/?cols=prod-eu,prod-us&hide=dev',
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.getByRole('button', { name: 'Columns 3 of 4' }).click();
      await page.getByRole('dialog').getByRole('checkbox', { name: 'dev' }).waitFor();
      const heads = await page.locator('.matrix-head a').allTextContents();
      if (heads.join() !== 'prod-eu,prod-us,staging') throw new Error(`other columns are there: ${heads}`);
    },
  },
  { name: 'overview-empty', path: '/', as: 'empty', ready: 'text=There are no environments yet' },
  { name: 'overview-viewer', path: '/', as: 'viewer', ready: 'text=view only' },
  {
    name: 'overview-shut',
    path: '/',
    as: 'viewer',
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.getByRole('img', { name: 'vault: you may not list apps in team-vault' }).waitFor();
      await page.getByRole('columnheader', { name: /staging.*last seen \d+m ago/ }).waitFor();
      const widths = await page
        .locator('.matrix-row:first-child .matrix-cell')
        .evaluateAll((cells) =>
          cells.map((cell) => [cell.dataset.away, cell.dataset.shut, Math.round(cell.getBoundingClientRect().width)]),
        );
      if (widths[1][0] !== 'true' || widths[4][1] !== 'true' || widths[4][2] > 40 || widths[0][0])
        throw new Error(JSON.stringify(widths));
    },
  },
  {
    name: 'overview-shut-narrow',
    path: '/',
    as: 'viewer',
    width: 420,
    ready: 'text=may not be read',
  },
  {
    name: 'overview-viewer-menu',
    path: '/',
    as: 'viewer',
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.getByRole('button', { name: 'Actions for cart' }).click();
      await page.getByRole('menuitem', { name: 'Release…', disabled: true }).waitFor();
      await page.getByRole('menu').locator('text=needs `create releases`').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('menu').waitFor({ state: 'detached' });
    },
  },
  {
    name: 'overview-selected',
    path: '/',
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.getByRole('checkbox', { name: 'Select gateway' }).check();
      await page.getByRole('checkbox', { name: 'Select images' }).check();
      await page.locator('text=2 selected').waitFor();
    },
  },
  {
    name: 'overview-selected-narrow',
    path: '/',
    width: 420,
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.getByRole('checkbox', { name: 'Select cart' }).check();
      await page.getByRole('button', { name: 'Promote…' }).click();
      await page.getByRole('menuitem', { name: 'staging → prod-eu…' }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('menu').waitFor({ state: 'detached' });
      await page.locator('text=1 selected').waitFor();
    },
  },
  {
    name: 'together-set',
    path: '/?act=together/team-shop/gateway~images/staging/prod-eu',
    ready: 'text=Create ReleaseSet',
  },
  {
    name: 'together-releases',
    path: '/?act=together/team-shop/cart~payments~legacy/staging/prod-eu',
    ready: 'text=Create 2 releases',
  },
  {
    name: 'together-narrow',
    path: '/?act=together/team-shop/cart~payments/staging/prod-eu',
    width: 420,
    ready: 'text=Create 2 releases',
  },
  {
    name: 'together-viewer',
    path: '/?act=together/team-shop/gateway~images/staging/prod-eu',
    as: 'viewer',
    ready: 'text=needs `create releasesets`',
  },
  { name: 'overview-no-match', path: '/?q=nothing-is-called-so', ready: 'text=No app fits the filter' },
  {
    name: 'palette',
    path: '/',
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.keyboard.press('Control+k');
      await page.keyboard.type('checkout');
      await page.locator('text=checkout in prod-eu').first().waitFor();
    },
  },
  {
    name: 'go-to-app',
    path: '/commits',
    ready: '.data tbody tr',
    act: async (page) => {
      await page.locator('.key-bar >> text=all keys').waitFor();
      await page.keyboard.press('g');
      await page.keyboard.press('a');
      await page.getByRole('textbox', { name: 'Go to an app' }).fill('cart');
      await page.locator('text=cart in prod-eu').waitFor();
    },
  },
  {
    name: 'keys',
    path: '/',
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.keyboard.press('?');
      await page.locator('text=Keys of this page').waitFor();
    },
  },
  {
    name: 'release-dialog',
    path: `${APP}?act=release/team-shop/checkout/staging~prod-eu`,
    ready: 'text=Create 2 releases',
    act: async (page) => {
      await page.locator('.release-checks >> text=build, test').first().waitFor();
      await page.locator('.release-checks [data-word=Failed]').first().waitFor();
      await page.getByRole('checkbox', { name: /^Expect base/ }).waitFor();
    },
  },
  { name: 'release-dialog-one', path: `/?act=release/team-shop/cart/prod-eu`, ready: '.diff-file' },
  {
    name: 'release-dialog-viewer',
    path: `/?act=release/team-shop/checkout/staging`,
    as: 'viewer',
    ready: 'text=You can look, not release',
  },
  {
    name: 'promote-dialog',
    path: `${APP}?act=promote/team-shop/checkout/prod-eu~prod-us/staging`,
    ready: 'text=not possible',
    expected: ['422'],
  },
  { name: 'rollback-dialog', path: `${APP}?act=rollback/team-shop/checkout/prod-eu`, ready: '.diff-file' },
  {
    name: 'release-dialog-narrow',
    path: `${APP}?act=release/team-shop/checkout/staging`,
    width: 420,
    ready: 'text=Create release',
  },
  { name: 'release-waiting', path: '/releases/team-shop/checkout.prod-eu-x7k2m', ready: '.diff-file' },
  {
    name: 'release-waiting-narrow',
    path: '/releases/team-shop/checkout.prod-eu-x7k2m',
    width: 420,
    ready: '.diff-file',
  },
  {
    name: 'release-split',
    path: '/releases/team-shop/checkout.prod-eu-x7k2m',
    ready: '.diff-pair',
    state: { splitDiff: true },
  },
  { name: 'release-failed', path: FAILED, ready: '.failed-log .text-block' },
  { name: 'release-failed-narrow', path: FAILED, width: 420, ready: '.failed-log .text-block' },
  {
    name: 'release-failed-viewer',
    path: FAILED,
    as: 'viewer',
    ready: 'text=needs `get pods/log`',
    expected: ['403'],
  },
  {
    name: 'release-failed-log',
    path: FAILED,
    ready: '.failed-log .text-block',
    act: async (page) => {
      await page.getByRole('link', { name: 'All of it' }).click();
      await page.locator('.logs-line').first().waitFor();
      const { searchParams } = new URL(page.url());
      if (searchParams.get('previous') !== 'true' || searchParams.get('pod') !== 'catalog-6c-b')
        throw new Error(`another log is open: ${page.url()}`);
    },
  },
  { name: 'release-manifests', path: `${FAILED}?tab=manifests`, height: 1500, ready: '.file .text-block' },
  { name: 'release-values', path: `${FAILED}?tab=values`, height: 1500, ready: 'text=pg.shop:5432' },
  { name: 'release-events', path: `${FAILED}?tab=events`, height: 1500, ready: 'td >> text=RolloutFailed' },
  {
    name: 'release-tabs',
    path: '/releases/team-shop/checkout.prod-eu-x7k2m',
    ready: '.diff-file',
    act: async (page) => {
      await page.getByRole('tab', { name: 'Manifests' }).click();
      await page.locator('text=Its files are not in git').waitFor();
      if (!page.url().endsWith('?tab=manifests')) throw new Error(`the tab is not in the address: ${page.url()}`);
      await page.getByRole('tab', { name: 'Values' }).click();
      await page.locator('text=is in the Artifact').waitFor();
      await page.keyboard.press('d');
      await page.locator('.diff-file').first().waitFor();
    },
  },
  { name: 'release-gone', path: '/releases/team-shop/nobody', ready: 'text=There is no Release' },
  { name: 'set', path: '/sets/team-shop/prod-eu-w41ts', ready: 'text=waits for images' },
  { name: 'set-narrow', path: '/sets/team-shop/prod-eu-w41ts', width: 420, ready: 'text=waits for images' },
  {
    name: 'set-plan',
    path: '/sets/team-shop/prod-eu-w41ts',
    height: 1300,
    ready: 'text=waits for images',
    act: async (page) => {
      await page.locator('.release-plan-head').filter({ hasText: 'gateway' }).click();
      await page.locator('.diff-file').first().waitFor();
    },
  },
  { name: 'set-failed', path: '/sets/team-shop/prod-eu-f41ls', ready: 'text=nothing of the set was committed' },
  {
    name: 'set-viewer',
    path: '/sets/team-shop/prod-eu-w41ts',
    as: 'viewer',
    ready: 'text=waits for images',
    act: async (page) => {
      await page.getByRole('button', { name: 'Cancel…', disabled: true }).hover();
      await page.locator('[role=tooltip] >> text=needs `patch releasesets`').waitFor();
    },
  },
  { name: 'set-gone', path: '/sets/team-shop/nobody', ready: 'text=There is no ReleaseSet' },
  {
    name: 'palette-set',
    path: '/',
    ready: '[role=row] >> text=checkout',
    act: async (page) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('textbox', { name: 'Search and act' }).fill('larger pictures');
      await page.locator('text=Set prod-eu-w41ts').first().waitFor();
    },
  },
  { name: 'release-from-git', path: '/releases/team-shop/checkout.prod-eu-t1d1e', ready: '.diff-file' },
  {
    name: 'release-from-git-narrow',
    path: '/releases/team-shop/checkout.prod-eu-t1d1e?diff=files',
    width: 420,
    ready: '.diff-file',
  },
  {
    name: 'release-from-git-first',
    path: '/releases/team-shop/checkout.prod-eu-f1r5t',
    ready: 'text=all of it was new',
  },
  {
    name: 'release-files',
    path: FAILED,
    ready: '.diff-file >> text=Deployment/checkout',
    act: async (page) => {
      await page.getByRole('radiogroup', { name: 'By object or by file' }).getByText('files').click();
      await page.locator('.diff-file >> text=prod-us/catalog/deployment-checkout.yaml').waitFor();
      if (!page.url().endsWith('?diff=files')) throw new Error(`the form is not in the address: ${page.url()}`);
    },
  },
  {
    name: 'approve',
    path: '/releases/team-shop/checkout.prod-eu-x7k2m',
    ready: '.diff-file',
    act: async (page) => {
      await page.locator('.key-bar >> text=approve').waitFor();
      await page.keyboard.press('a');
      await page.locator('text=An Approval of this very plan').waitFor();
    },
  },
  { name: 'app', path: APP, ready: '.history li' },
  { name: 'app-narrow', path: APP, width: 420, ready: '.history li' },
  { name: 'app-failed', path: '/apps/team-shop/mailer/staging', ready: '.history li' },
  {
    name: 'app-runs',
    path: '/apps/team-shop/catalog/prod-us',
    ready: 'text=Workloads',
  },
  { name: 'app-runs-narrow', path: '/apps/team-shop/catalog/prod-us', width: 420, ready: 'text=Workloads' },
  { name: 'app-suspended', path: '/apps/team-shop/images/prod-us', ready: 'text=Flux leaves Kustomization' },
  {
    name: 'app-resume',
    path: '/apps/team-shop/images/prod-us',
    ready: 'text=Flux leaves Kustomization',
    act: async (page) => {
      await page.getByRole('button', { name: 'Resume Kustomization images…' }).click();
      await page.locator('text=flux resume kustomization images').waitFor();
    },
  },
  { name: 'app-no-agent', path: '/apps/team-shop/cart/prod-eu', ready: 'button >> text=Logs' },
  { name: 'logs', path: `${RUNS}?panel=logs/team-shop/catalog/prod-us`, ready: '.logs-line' },
  {
    name: 'logs-narrow',
    path: `${RUNS}?panel=logs/team-shop/catalog/prod-us&wrap=true`,
    width: 420,
    ready: '.logs-line',
  },
  { name: 'logs-full', path: `${RUNS}?panel=logs/team-shop/catalog/prod-us&full=true&since=600`, ready: '.logs-mark' },
  {
    name: 'logs-paused',
    path: `${RUNS}?panel=logs/team-shop/catalog/prod-us&find=order&wrap=true`,
    ready: '.logs-line',
    act: async (page) => {
      await page.locator('.key-bar >> text=pause').waitFor();
      await page.keyboard.press('f');
      await page.locator('.logs-at').first().waitFor();
    },
  },
  {
    name: 'logs-unfolded',
    path: `${RUNS}?panel=logs/team-shop/catalog/prod-us&unfold=true&events=true&since=600`,
    ready: '.logs-more',
    act: (page) => page.locator('.logs-event').first().waitFor(),
  },
  {
    name: 'logs-unfolded-narrow',
    path: `${RUNS}?panel=logs/team-shop/catalog/prod-us&unfold=true&events=true&wrap=true`,
    width: 420,
    ready: '.logs-more',
  },
  {
    name: 'logs-no-match',
    path: `${RUNS}?panel=logs/team-shop/catalog/prod-us&find=nothing-of-the-kind`,
    ready: 'text=No line fits the filter',
  },
  {
    name: 'logs-viewer',
    path: `${RUNS}?panel=logs/team-shop/catalog/prod-us`,
    as: 'viewer',
    ready: 'text=needs `get pods/log`',
    expected: ['403'],
  },
  {
    name: 'logs-no-agent',
    path: '/?panel=logs/team-shop/checkout/dev',
    ready: 'text=has no agent',
    expected: ['409'],
  },
  {
    name: 'tree',
    path: `${RUNS}?panel=tree/team-shop/catalog/prod-us`,
    ready: '.tree-line >> text=PodDisruptionBudget',
  },
  {
    name: 'tree-narrow',
    path: `${RUNS}?panel=tree/team-shop/catalog/prod-us`,
    width: 420,
    ready: '.tree-line >> text=PodDisruptionBudget',
  },
  { name: 'tree-no-agent', path: '/?panel=tree/team-shop/checkout/dev', ready: 'text=No agent tells' },
  { name: 'events', path: `${RUNS}?panel=events/team-shop/catalog/prod-us`, ready: '.logs-events tbody tr' },
  {
    name: 'restart',
    path: RUNS,
    ready: 'text=Workloads',
    act: async (page) => {
      await page.getByRole('button', { name: 'Restart Deployment catalog…' }).click();
      await page.locator('text=kubectl rollout restart').waitFor();
    },
  },
  {
    name: 'app-uninstall',
    path: APP,
    ready: '.history li',
    act: async (page) => {
      await page.getByRole('button', { name: 'Uninstall…' }).click();
      await page.locator('text=A commit removes the folder').waitFor();
    },
  },
  {
    name: 'app-hold',
    path: APP,
    ready: '.history li',
    act: async (page) => {
      await page.getByRole('button', { name: 'Hold…' }).click();
      await page.getByRole('textbox', { name: 'Reason' }).fill('sale until Monday');
      await page.getByRole('dialog').getByRole('button', { name: 'Copy as' }).waitFor();
    },
  },
  {
    name: 'app-hold-viewer',
    path: APP,
    as: 'viewer',
    ready: '.history li',
    act: async (page) => {
      await page.getByRole('button', { name: 'Hold…', disabled: true }).hover();
      await page.getByRole('tooltip').locator('text=needs `patch apps`').waitFor();
    },
  },
  { name: 'app-manifests', path: `${APP}?show=manifests`, ready: '.file .text-block' },
  {
    name: 'app-before',
    path: APP,
    ready: '.history li',
    act: async (page) => {
      await page.keyboard.press('d');
      await page.locator('.diff-file').first().waitFor();
    },
  },
  { name: 'app-drifted', path: '/apps/team-shop/search/prod-eu', ready: '.history li' },
  {
    name: 'adopt-dialog',
    path: '/apps/team-shop/search/prod-eu',
    ready: '.history li',
    act: async (page) => {
      await page.getByRole('button', { name: 'Adopt…' }).click();
      await page.locator('.release-plan .diff-file').first().waitFor();
    },
  },
  { name: 'app-held', path: '/apps/team-shop/payments/prod-eu', ready: '.history li' },
  { name: 'app-viewer', path: '/apps/team-shop/payments/prod-eu', as: 'viewer', ready: '.history li' },
  { name: 'app-absent', path: '/apps/team-shop/reports/prod-us', ready: 'text=is not released in' },
  {
    name: 'app-yaml',
    path: APP,
    ready: '.history li',
    act: async (page) => {
      await page.keyboard.press('y');
      await page.locator('.text-block').waitFor();
    },
  },
  {
    name: 'app-compare',
    path: APP,
    ready: '.history li',
    act: async (page) => {
      await page.locator('.history input').nth(1).check();
      await page.getByRole('button', { name: /^Compare/ }).click();
      await page.locator('.diff-file').first().waitFor();
    },
  },
  { name: 'configure', path: `${APP}/configure`, ready: '.cm-content' },
  { name: 'configure-narrow', path: `${APP}/configure`, width: 420, ready: '.cm-content' },
  {
    name: 'configure-changed',
    path: `${APP}/configure`,
    ready: '.cm-content',
    act: async (page) => {
      await page.getByLabel('Replicas', { exact: true }).fill('3');
      await page.locator('.cm-deletedChunk').waitFor();
    },
  },
  {
    name: 'configure-version',
    path: '/apps/team-shop/search/prod-eu/configure',
    ready: 'text=0.78.0 available',
  },
  {
    name: 'configure-problems',
    path: `${APP}/configure`,
    ready: '.cm-content',
    act: async (page) => {
      await typeValue(page, 'replica: 2');
      await page.getByLabel('Port', { exact: true }).first().fill('99999999');
      await page.getByRole('tab', { name: /Problems [1-9]/ }).click();
      await page.locator('text=did you mean "replicas"?').waitFor();
    },
  },
  { name: 'configure-viewer', path: `${APP}/configure?view=problems`, as: 'viewer', ready: 'text=No problem is known' },
  { name: 'audit', path: '/audit', ready: '.data tbody tr' },
  {
    name: 'audit-verify',
    path: '/audit?action=release&env=prod-eu',
    ready: '.data tbody tr',
    act: async (page) => {
      await page.locator('.key-bar >> text=verify').waitFor();
      await page.keyboard.press('v');
      await page.locator('.chain li >> text=planned as digest').waitFor();
    },
  },
  {
    name: 'audit-verify-by-hand',
    path: '/audit?action=by+hand&app=search',
    ready: '.data tbody tr',
    act: async (page) => {
      await page.getByRole('button', { name: 'unsigned' }).first().click();
      await page.locator('text=No release made it').waitFor();
    },
  },
  { name: 'audit-filter', path: '/audit?action=rollback&env=prod-eu', ready: '.data tbody tr' },
  {
    name: 'audit-days',
    path: '/audit?since=last week',
    ready: '.data tbody tr',
    act: async (page) => {
      const day = (ago) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
      await page.getByLabel('From', { exact: true }).fill(day(8));
      await page.getByLabel('To', { exact: true }).fill(day(3));
      await page.waitForURL((url) => url.searchParams.get('to') === day(3) && !url.searchParams.has('since'));
      await page.locator('tbody tr td a[href*="/gitops/commit/"]').first().waitFor();
      await page.waitForFunction(() =>
        [...document.querySelectorAll('.data tbody td:first-child time')].every(
          (each) => Date.parse(each.dateTime) < Date.now() - 2 * 86_400_000,
        ),
      );
    },
  },
  { name: 'audit-days-wrong', path: '/audit?from=2026-11-04&to=2026-11-03', ready: 'text=before the first day' },
  { name: 'audit-denied', path: '/audit?action=denied', ready: 'text=cannot create resource' },
  {
    name: 'audit-yaml',
    path: '/audit',
    ready: '.data tbody tr',
    act: async (page) => {
      await page.locator('.key-bar >> text=record as YAML').waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('y');
      await page.getByRole('dialog').locator('text=environment:').waitFor();
    },
  },
  { name: 'audit-denied-narrow', path: '/audit?action=denied', width: 420, ready: 'text=cannot create resource' },
  { name: 'audit-narrow', path: '/audit', width: 420, ready: '.data tbody tr' },
  { name: 'audit-empty', path: '/audit', as: 'empty', ready: 'text=There are no environments yet' },
  { name: 'environments', path: '/environments', ready: '.data tbody tr' },
  { name: 'wizard', path: '/environments/new', ready: 'text=As soon as the environment has a name' },
  { name: 'wizard-narrow', path: `${WIZARD}&step=repository`, width: 420, ready: 'text=GitHub App' },
  {
    name: 'wizard-repository',
    path: '/environments/new?name=qa&in=team-shop&url=https://git.example.com/acme/gitops.git&step=repository&make=true',
    ready: 'text=Kind of host',
  },
  {
    name: 'wizard-key',
    path: '/environments/new?name=qa&in=team-shop&url=git@github.com:acme/gitops.git&step=repository&make=true',
    ready: 'text=Make it at github.com',
  },
  { name: 'wizard-app', path: `${WIZARD}&step=repository&by=app`, ready: 'text=Installation ID' },
  { name: 'wizard-wrong', path: '/environments/new?step=layout&name=A&in=team-shop', ready: 'text=First comes' },
  {
    name: 'wizard-layout',
    path: `${WIZARD}&step=layout&pulls=true`,
    ready: 'p:has-text("it is kept nowhere")',
  },
  {
    name: 'wizard-viewer',
    path: `${WIZARD}&step=layout&by=there`,
    as: 'viewer',
    ready: 'p:has-text("needs `create environments`")',
  },
  {
    name: 'wizard-there',
    path: '/environments/new?step=layout&name=staging&in=team-shop',
    ready: 'text=The operator writes the repository',
  },
  { name: 'wizard-not-there', path: `${WIZARD}&step=flux`, ready: 'text=is not there yet' },
  { name: 'wizard-flux', path: '/environments/new?step=flux&name=dev&in=team-shop', ready: 'text=--copy-credentials' },
  {
    name: 'wizard-flux-elsewhere',
    path: '/environments/new?step=flux&name=dev&in=team-shop&elsewhere=true',
    ready: 'text=flux install --context',
  },
  {
    name: 'wizard-agent',
    path: '/environments/new?step=agent&name=prod-us&in=team-shop&at=https://gimlet.example.com',
    ready: 'text=The agent is there',
  },
  {
    name: 'wizard-agent-waits',
    path: '/environments/new?step=agent&name=dev&in=team-shop&elsewhere=true',
    ready: 'text=It does not come',
  },
  {
    name: 'wizard-agent-narrow',
    path: '/environments/new?step=agent&name=staging&in=team-shop&at=https://gimlet.example.com',
    width: 420,
    ready: 'text=The token is refused',
  },
  {
    name: 'wizard-first-app',
    path: '/environments/new?step=app&name=dev&in=team-shop&app=blog&image=ghcr.io/acme/blog:1.0.0',
    ready: '[aria-label=Plan] .diff-file',
  },
  {
    name: 'wizard-first-app-narrow',
    path: '/environments/new?step=app&name=dev&in=team-shop&app=blog&image=ghcr.io/acme/blog:1.0.0',
    width: 420,
    ready: '[aria-label=Plan] .diff-file',
  },
  {
    name: 'wizard-first-app-viewer',
    path: '/environments/new?step=app&name=dev&in=team-shop',
    as: 'viewer',
    ready: 'p:has-text("needs `create releases`")',
  },
  { name: 'environment', path: '/environments/team-shop/prod-us', ready: '.data tbody tr' },
  { name: 'environment-narrow', path: '/environments/team-shop/prod-us', width: 420, ready: '.data tbody tr' },
  { name: 'environment-policies', path: '/environments/team-shop/prod-eu?tab=policies', ready: '.facts' },
  {
    name: 'environment-rules',
    path: '/environments/team-shop/prod-eu?tab=policies',
    ready: '.facts',
    act: async (page) => {
      await editRules(page, '2');
      await page.locator('.cm-deletedChunk').waitFor();
      await page.locator('text=The API server would take this').waitFor();
    },
  },
  {
    name: 'environment-rules-refused',
    path: '/environments/team-shop/prod-eu?tab=policies',
    ready: '.facts',
    expected: ['422'],
    act: async (page) => {
      await editRules(page, '21');
      await page.getByRole('alert').locator('text=should be less than or equal to 20').waitFor();
    },
  },
  {
    name: 'environment-rules-narrow',
    path: '/environments/team-shop/prod-us?tab=policies',
    width: 420,
    ready: '.facts',
    act: async (page) => {
      await page.getByRole('button', { name: 'Edit…' }).click();
      await page.locator("text=applied by Flux' Kustomization flux-system/hub").waitFor();
      await page.locator('.cm-content').waitFor();
    },
  },
  {
    name: 'environment-rules-viewer',
    path: '/environments/team-shop/prod-eu?tab=policies',
    as: 'viewer',
    ready: '.facts',
    act: async (page) => {
      await editRules(page, '2');
      await page
        .getByRole('region', { name: 'Change the rules' })
        .locator('p >> text=needs `patch environments`')
        .waitFor();
    },
  },
  { name: 'environment-flux', path: '/environments/team-shop/prod-us?tab=flux', ready: 'text=GitRepository' },
  {
    name: 'environment-unready',
    path: '/environments/team-shop/prod-asia?tab=flux',
    height: 1250,
    ready: 'text=No agent has connected yet',
    act: async (page) => {
      const refused = page.getByRole('alert').filter({ hasText: 'The repository cannot be written' });
      await refused.locator('text=You are not allowed to push code to protected branches').waitFor();
      await refused.locator('text=The branch seems to be protected').waitFor();
      if (await refused.locator('.copy-line').count()) throw new Error('other credentials do not help here');
      await page.getByRole('list', { name: 'Chain' }).locator('text=nothing has been heard of it yet').waitFor();
      await page.locator('text=The token is refused').waitFor();
    },
  },
  {
    name: 'environment-unready-narrow',
    path: '/environments/team-shop/prod-asia?tab=flux',
    width: 420,
    height: 1700,
    ready: 'text=No agent has connected yet',
  },
  {
    name: 'environment-flux-silent',
    path: '/environments/team-shop/staging?tab=flux',
    ready: 'text=Nothing is heard of it',
  },
  {
    name: 'environment-notifications',
    path: '/environments/team-shop/prod-eu?tab=notifications',
    ready: 'text=team-chat',
  },
  {
    name: 'environment-access',
    path: '/environments/team-shop/prod-eu?tab=access',
    ready: 'text=ClusterRole gimlet-approver',
  },
  {
    name: 'environment-access-viewer',
    path: '/environments/team-shop/prod-eu?tab=access',
    as: 'viewer',
    ready: 'text=This is not the whole answer',
  },
  { name: 'environment-danger', path: '/environments/team-shop/prod-us?tab=danger', ready: 'text=Exchange the agent' },
  {
    name: 'environment-danger-narrow',
    path: '/environments/team-shop/prod-us?tab=danger',
    width: 420,
    ready: 'text=Exchange the agent',
  },
  { name: 'environment-repository', path: '/environments/team-shop/dev?tab=repository', ready: '.conditions' },
  {
    name: 'environment-lock',
    path: '/environments/team-shop/prod-eu',
    ready: '.data tbody tr',
    act: async (page) => {
      await page.locator('.key-bar >> text=lock').waitFor();
      await page.keyboard.press('L');
      await page.locator('text=Everybody whose release waits').waitFor();
    },
  },
  { name: 'repositories', path: '/commits', ready: '.data tbody tr' },
  { name: 'commits', path: '/commits/team-shop/checkout', ready: '.data tbody tr' },
  { name: 'commits-narrow', path: '/commits/team-shop/checkout', width: 420, ready: '.data tbody tr' },
  { name: 'commits-deployable', path: '/commits/team-shop/checkout?only=deployable', ready: '.data tbody tr' },
  {
    name: 'commit-details',
    path: '/commits/team-shop/checkout',
    ready: '.data tbody tr',
    act: async (page) => {
      await page.locator('.key-bar >> text=details').waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL('**commit=**');
      const dialog = page.getByRole('dialog');
      await dialog.locator('text=branch main matches main').waitFor();
      await dialog.locator('text=checkout in staging').waitFor();
    },
  },
  { name: 'commits-limited', path: '/commits/team-shop/search', ready: 'text=RateLimited', expected: ['429'] },
  { name: 'settings', path: '/settings', ready: 'text=lock environments' },
  {
    name: 'settings-whole',
    path: '/settings',
    height: 1900,
    ready: 'text=4312 of 5000',
    act: (page) => page.locator('text=the receiver answered 410').waitFor(),
  },
  { name: 'settings-narrow', path: '/settings', width: 420, height: 2600, ready: 'text=4312 of 5000' },
  {
    name: 'settings-licences',
    path: '/settings',
    ready: 'text=lock environments',
    act: async (page) => {
      await page.getByRole('button', { name: 'Licences' }).click();
      await page.locator('.licence summary', { hasText: /^react-dom/ }).click();
      await page.locator('.licence[open] pre').waitFor();
    },
  },
  { name: 'settings-viewer', path: '/settings', as: 'viewer', ready: 'text=needs `create releases`' },
  { name: 'key-bar', path: APP, width: 820, ready: '.history li' },
  { name: 'not-found', path: '/nothing', ready: 'text=There is no such page' },
];

const enter = async (page, backend, path = '/') => page.goto(backend.address + path);

/** Changes an object as somebody else would, who has no page open. */
const change = (page, path, body) =>
  page.evaluate(
    ([path, body]) =>
      fetch(`/apis/gimlet.io/v1alpha1/namespaces/team-shop/${path}`, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/merge-patch+json' },
        body,
      }),
    [path, JSON.stringify(body)],
  );

/** Fills in the first two steps of the wizard, with a token that has to stay secret. */
async function fillWizard(page) {
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('qa');
  await page.getByRole('combobox', { name: 'Namespace' }).fill('team-shop');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Address of the gitops repository').fill('https://github.com/acme/gitops.git');
  await page.getByRole('textbox', { name: 'Token' }).fill('hunter2');
}

/** What people do, each on a backend of its own. */
export const steps = {
  'an app is put on hold with a reason, and the hold is removed again': async (page, backend) => {
    await page.goto(backend.address + APP);
    await page.getByRole('button', { name: 'Hold…' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('sale until Monday');
    await page.getByRole('button', { name: 'Hold', exact: true }).click();
    await page.locator('[role=alert] >> text=sale until Monday').waitFor();
    await page.getByRole('button', { name: 'Hold…', disabled: true }).waitFor();
    await page.getByRole('button', { name: 'Remove the hold' }).click();
    await page.locator('[role=alert] >> text=sale until Monday').waitFor({ state: 'detached' });
  },

  'apps that are selected by keys become one ReleaseSet, after their plans': async (page, backend) => {
    await enter(page, backend);
    await page.getByRole('checkbox', { name: 'Select gateway' }).check();
    await page.keyboard.press('Escape');
    await page.locator('text=1 selected').waitFor({ state: 'detached' });
    const cell = (app) => page.locator(`[role=row]:has(strong:text-is("${app}")) [data-spot$=".1"]`);
    await cell('gateway').focus();
    await page.keyboard.press('x');
    await cell('images').focus();
    await page.keyboard.press('x');
    await page.locator('text=2 selected').waitFor();
    await page.getByRole('textbox', { name: 'Filter' }).fill('gateway');
    await page.locator('text=2 selected, 1 of them not shown').waitFor();
    await cell('gateway').focus();
    await page.keyboard.press('p');
    const dialog = page.getByRole('dialog');
    const button = dialog.getByRole('button', { name: /^Create ReleaseSet of 2 apps/ });
    await button.waitFor();
    if ((await button.getAttribute('aria-disabled')) !== 'true') throw new Error('it can be made before the plans');
    await button.and(page.locator(':not([aria-disabled])')).waitFor();
    if ((await dialog.locator('.release-plan').count()) !== 2) throw new Error('not every app has a plan');
    await dialog.locator('.release-plan-head').first().click();
    await dialog.locator('.diff-file').first().waitFor();
    await button.click();
    await page.waitForURL('**/sets/team-shop/**');
    await page.locator('h1 >> text=2 apps').waitFor();
    const kept = await page.evaluate(async () => {
      const read = async (kind) =>
        (await (await fetch(`/apis/gimlet.io/v1alpha1/namespaces/team-shop/${kind}`)).json()).items;
      const [sets, releases] = await Promise.all([read('releasesets'), read('releases')]);
      const set = sets.find(({ metadata }) => location.pathname.endsWith(`/${metadata.name}`));
      return { apps: set.spec.apps, members: releases.filter(({ spec }) => spec.set === set.metadata.name).length };
    });
    if (kept.apps.join() !== 'gateway,images' || kept.members !== 2) throw new Error(JSON.stringify(kept));
    await page.getByRole('link', { name: 'gateway' }).click();
    await page
      .locator('.facts')
      .getByRole('link', { name: /^prod-eu-/ })
      .click();
    await page.waitForURL('**/sets/team-shop/**');
    await page.getByRole('button', { name: 'Cancel…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the set' }).click();
    await page.locator('h1 >> text=Cancelled').waitFor();
    await page.goto(backend.address);
    await page.locator('[role=row] >> text=checkout').first().waitFor();
    await page.locator('[aria-label="Selected apps"]').waitFor({ state: 'detached' });
  },
  'rows are grouped and folded, columns moved and hidden, by keys alone and in the address': async (page, backend) => {
    await enter(page, backend);
    await page.locator('[data-spot="0.0"]').waitFor();
    await page.getByRole('button', { name: 'Group', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitemradio', { name: 'Part of' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL('**group=part**');
    await page.locator('[data-spot="0.group"]').focus();
    await page.keyboard.press('ArrowLeft');
    await page.waitForURL('**fold=market**');
    const shown = await page.locator('.matrix-row strong').allTextContents();
    if (shown.includes('checkout') || !shown.includes('mailer')) throw new Error(`${shown} are shown`);
    await page.keyboard.press('ArrowRight');
    await page.waitForURL((url) => !url.searchParams.has('fold'));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.activeElement?.dataset.spot === '1.1');
    await page.getByRole('button', { name: 'Columns' }).focus();
    await page.keyboard.press('Enter');
    const move = page.getByRole('dialog').getByRole('button', { name: 'Move prod-us to the left' });
    await move.focus();
    await page.keyboard.press('Enter');
    await page.waitForURL('**cols=dev,staging,prod-us,prod-eu**');
    // The focus stays, so the same key moves it on.
    await page.waitForFunction(() => document.activeElement?.ariaLabel === 'Move prod-us to the left');
    await page.keyboard.press('Enter');
    await page.waitForURL('**cols=dev,prod-us,staging,prod-eu**');
    await page.getByRole('dialog').getByRole('checkbox', { name: 'dev' }).press('Space');
    await page.waitForURL('**hide=dev**');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.reload();
    await page.locator('[data-spot="0.group"]').waitFor();
    const heads = await page.locator('.matrix-head a').allTextContents();
    if (heads.join() !== 'prod-us,staging,prod-eu') throw new Error(`other columns are there: ${heads}`);
    // A column that is hidden is a place to promote to all the same.
    await page.getByRole('button', { name: 'Actions for cart' }).click();
    await page.getByRole('menuitem', { name: 'Promote dev → staging…' }).waitFor();
  },
  'the release of a cell is looked at by Space, and those beside it by arrows': async (page, backend) => {
    await enter(page, backend);
    await page.locator('[data-spot="0.0"]').focus();
    await page.keyboard.press('Space');
    const peek = (where) => page.getByRole('dialog', { name: where });
    await peek('accounts in dev').locator('.peek-steps >> text=Healthy').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await peek('cart in staging').locator('.peek-steps >> text=Committed').waitFor();
    if ((await page.getByRole('dialog').count()) !== 1) throw new Error('the first one is open, too');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.dataset.spot === '1.1');
    await page.keyboard.press('Space');
    await peek('cart in staging').waitFor();
    await page.keyboard.press('Space');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    // Space still is that of a control that has it.
    await page.getByRole('checkbox', { name: 'Select cart' }).focus();
    await page.keyboard.press('Space');
    await page.locator('text=1 selected').waitFor();
    if (await page.getByRole('dialog').count()) throw new Error('a peek is open');
    await page.locator('[data-spot="1.1"]').focus();
    await page.keyboard.press('Space');
    await peek('cart in staging').getByRole('link', { name: 'Open the release' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/releases/team-shop/cart.staging-**');
  },
  'an environment is made by the wizard, and nothing secret is in the address': async (page, backend) => {
    await enter(page, backend, '/environments');
    await page.getByRole('button', { name: 'New environment…' }).click();
    await fillWizard(page);
    await page.getByLabel('Name of the Secret').fill('gitops');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('button', { name: 'Create environment' }).click();
    await page.locator('.wizard-lines >> text=stays as it is').waitFor();
    const none = await page.evaluate(async () => {
      const { items } = await (await fetch('/apis/gimlet.io/v1alpha1/namespaces/team-shop/environments')).json();
      return items.every(({ metadata }) => metadata.name !== 'qa');
    });
    if (!none) throw new Error('the environment is there before its Secret');
    await page.goBack();
    await page.getByLabel('Name of the Secret').fill('qa-git');
    await page.getByRole('button', { name: 'Next' }).click();
    const address = page.url();
    await page.getByRole('button', { name: 'Create environment' }).click();
    await page.waitForURL('**step=flux**');
    await page.locator('text=Flux in this cluster does not follow').waitFor();
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    for (const text of [address, page.url(), kept])
      if (text.includes('hunter2')) throw new Error(`the token is in ${text}`);
  },
  'an environment is set up as its conditions say, live, until its first app is released': async (page, backend) => {
    await enter(page, backend, '/environments/new?step=agent&name=dev&in=team-shop&elsewhere=true');
    await page.locator('text=nothing has been heard of it yet').waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    const spec = { observedBy: 'Agent' };
    const agent = { version: '0.1.0', cluster: 'eu-1', fluxVersion: 'v2.9.0', lastContact: new Date().toISOString() };
    await change(page, 'environments/dev', { spec, status: { agent } });
    await page.locator('text=agent 0.1.0 reports from cluster eu-1').waitFor({ timeout: 2000 });
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('textbox', { name: 'App', exact: true }).fill('blog');
    await page.getByRole('textbox', { name: 'Image' }).fill('ghcr.io/acme/blog:1.0.0');
    await page.locator('.text-block >> text=ghcr.io/acme/blog').waitFor();
    await page.locator('.copy-line >> text=kubectl --context CONTEXT create namespace blog').waitFor();
    const release = page.getByRole('button', { name: 'Create release' });
    if ((await release.getAttribute('aria-disabled')) !== 'true') throw new Error('it can be released before the plan');
    await page.locator('[aria-label=Plan] .diff-file').first().waitFor();
    await release.and(page.locator(':not([aria-disabled])')).click();
    await page.waitForURL('**/releases/team-shop/blog.dev-**');
    await page.waitForFunction(async () => {
      const { items } = await (await fetch('/apis/gimlet.io/v1alpha1/namespaces/team-shop/releases')).json();
      return items.every(({ spec }) => !spec.planOnly);
    });
  },
  'a wizard that is left is gone on with where it was, and asks for what is secret again': async (page, backend) => {
    await enter(page, backend, '/environments/new');
    await fillWizard(page);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('button', { name: 'Create environment' }).waitFor();
    await page.reload();
    await page.locator('p >> text=asked for again').waitFor();
    const button = page.getByRole('button', { name: 'Create environment' });
    if ((await button.getAttribute('aria-disabled')) !== 'true') throw new Error('the button is enabled');
    await page.locator('.text-block >> text=acme/gitops.git').waitFor();
  },
  'a setting is changed by the form and committed: comments stay': async (page, backend) => {
    await enter(page, backend, `${APP}/configure`);
    await page.locator('.cm-content').waitFor();
    await page.getByLabel('Replicas', { exact: true }).fill('3');
    await page.locator('.cm-changedLine >> text=keep it small').waitFor();
    await page.getByRole('button', { name: 'Commit to main' }).click();
    await page.locator('text=Committed').waitFor();
    await page.reload();
    await page.locator('input[id="setting-replicas"][value="3"]').waitFor();
  },
  'another version of the chart is chosen, and nothing but the version changes in the text': async (page, backend) => {
    await enter(page, backend, '/apps/team-shop/search/prod-eu/configure');
    await page.locator('text=0.78.0 available').waitFor();
    await page.getByLabel('Version of the chart').selectOption('0.78.0');
    await page.locator('text=0.78.0 available').waitFor({ state: 'detached' });
    await page.locator('[role=tab][aria-selected=true] >> text=Rendered').waitFor();
    await page.getByRole('tab', { name: /Changes/ }).click();
    const changed = page.locator('.cm-changedLine');
    await changed.first().waitFor();
    const lines = await changed.allTextContents();
    if (lines.length !== 1 || lines[0]?.trim() !== 'version: 0.78.0 # tried in staging')
      throw new Error(`other lines changed: ${lines.join('|')}`);
  },
  'an unknown key is told with its line, which leads there': async (page, backend) => {
    await enter(page, backend, `${APP}/configure?view=yaml`);
    await page.locator('.cm-content').waitFor();
    await typeValue(page, 'lables: x');
    await page.getByRole('tab', { name: 'Problems 1' }).click();
    const told = page.locator('.schema-problems li', { hasText: 'unknown key "lables" (did you mean' });
    await told.getByRole('button').click();
    await page.locator('.cm-content').waitFor();
    await page.waitForFunction(() => document.activeElement?.closest('.yaml-editor'));
  },
  'keys go from change to change, and between form and editor': async (page, backend) => {
    await enter(page, backend, `${APP}/configure`);
    await page.locator('.cm-content').waitFor();
    await page.getByLabel('Replicas', { exact: true }).fill('3');
    await page.locator('.cm-changedLine').waitFor();
    const focusIn = (place) => page.waitForFunction((place) => document.activeElement?.closest(place) !== null, place);
    await page.keyboard.press('F6');
    await focusIn('.yaml-editor');
    await page.keyboard.press('F6');
    await focusIn('.settings-search');
    await page.keyboard.press('Alt+ArrowDown');
    await focusIn('.yaml-editor');
    const at = await page.locator('.cm-activeLine, .cm-changedLine').first().textContent();
    if (!at?.includes('replicas: 3')) throw new Error(`the cursor is at ${at}`);
  },
  'a time zone that is chosen is that of all times': async (page, backend) => {
    await enter(page, backend, '/settings');
    await page.getByRole('combobox', { name: 'Time zone' }).fill('Tokyo');
    await page.getByRole('option', { name: 'Asia/Tokyo' }).click();
    await page.locator('text=GMT+9').first().waitFor();
    await page.goto(`${backend.address}/audit`);
    await page.locator('td[title*="GMT+9"]').first().waitFor();
  },
  'diagnostics are a file without a token': async (page, backend) => {
    await page.goto(backend.address);
    await enter(page, backend, '/settings');
    await page.locator('text=4312 of 5000').first().waitFor();
    const loading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Diagnostics' }).click();
    const bundle = JSON.parse(readFileSync(await (await loading).path(), 'utf8'));
    if (bundle.versions.operator !== '0.1.0' || bundle.whoami.user !== 'alice' || bundle.rights.length < 5)
      throw new Error(`it lacks something: ${JSON.stringify(bundle).slice(0, 400)}`);
    if (/token/i.test(JSON.stringify(bundle.whoami))) throw new Error('it has a token');
  },
  'what was committed is what the next change is made from, at once': async (page, backend) => {
    await enter(page, backend, `${APP}/configure`);
    await page.locator('.cm-content').waitFor();
    for (const [replicas, others] of [
      ['3', 0],
      ['4', 1],
    ]) {
      await page.getByLabel('Replicas', { exact: true }).fill(replicas);
      const button = page.getByRole('button', { name: 'Commit to main' }).and(page.locator(':not([aria-disabled])'));
      await button.click();
      await page.waitForFunction(async (others) => {
        const { items } = await (await fetch('/apis/gimlet.io/v1alpha1/namespaces/team-shop/configchanges')).json();
        return items.filter(({ status }) => status.phase === 'Committed').length === others + 1;
      }, others);
      await page.getByRole('status').filter({ hasText: 'Committed' }).waitFor();
      const told = page.locator('text=Somebody else changed');
      if (await told.count()) throw new Error('the own commit is told as that of somebody else');
    }
    // What is read by then is the same.
    await page.locator('text=Nothing is changed yet').first().waitFor({ state: 'attached' });
    await change(page, 'repositories/checkout', { status: { head: { commit: 'd'.repeat(40) } } });
    await page.locator('.cm-content >> text=9090').first().waitFor();
  },
  'a pull request that is merged elsewhere is told within two seconds': async (page, backend) => {
    await enter(page, backend, `${APP}/configure`);
    await page.locator('.cm-content').waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    await page.getByLabel('Replicas', { exact: true }).fill('3');
    await page.getByRole('button', { name: 'Open pull request' }).click();
    await page.locator('text=Pull request 215').waitFor();
    const name = new URL(page.url()).searchParams.get('change');
    await change(page, `configchanges/${name}`, { status: { phase: 'Committed' } });
    await page.getByRole('status').filter({ hasText: 'Committed' }).waitFor({ timeout: 2000 });
  },
  'who else changes the file is seen within two seconds, and both changes are kept': async (page, backend) => {
    await enter(page, backend, `${APP}/configure`);
    await page.locator('.cm-content').waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    await page.getByLabel('Replicas', { exact: true }).fill('3');
    await change(page, 'repositories/checkout', { status: { head: { commit: 'd'.repeat(40) } } });
    await page.locator('text=Somebody else changed this file').waitFor({ timeout: 2000 });
    await page.getByRole('button', { name: 'Merge both' }).click();
    await page.locator('text=both changes are in the text').waitFor();
    await page.getByRole('button', { name: 'Commit to main' }).click();
    await page.getByRole('status').filter({ hasText: 'Committed' }).waitFor();
  },
  'a repository that changes elsewhere is another one in the list within two seconds': async (page, backend) => {
    await enter(page, backend, '/commits');
    await page.locator('.live[data-state=open]').waitFor();
    await page.locator('.data tbody tr').first().waitFor();
    await change(page, 'repositories/checkout', { status: { branches: 77 } });
    await page.locator('td >> text=77').waitFor({ timeout: 2000 });
  },
  'a setting is changed by a pull request': async (page, backend) => {
    await enter(page, backend, `${APP}/configure`);
    await page.locator('.cm-content').waitFor();
    await page.getByLabel('Replicas', { exact: true }).fill('3');
    await page.getByRole('button', { name: 'Open pull request' }).click();
    await page.locator('text=Pull request 215').waitFor();
  },
  'a release is made by keys alone, and followed until it is healthy': async (page, backend) => {
    await enter(page, backend);
    await page.locator('[data-spot="0.0"]').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('r');
    await page.getByRole('button', { name: 'Create release' }).waitFor();
    await page
      .locator('[aria-label=Plan]')
      .getByText(/no change|object/)
      .first()
      .waitFor();
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/releases/team-shop/**');
    await page.locator('h1 >> text=Healthy').waitFor({ timeout: 60_000 });
  },
  'a rollback is not possible without a reason': async (page, backend) => {
    await enter(page, backend, '/apps/team-shop/cart/staging');
    await page.locator('.key-bar >> text=roll back').waitFor();
    await page.keyboard.press('b');
    await page.locator('.diff-file').first().waitFor();
    const button = page.getByRole('button', { name: /^Roll back Ctrl|^Roll back$/ });
    if ((await button.getAttribute('aria-disabled')) !== 'true') throw new Error('the button is enabled');
    await page.getByLabel('Reason').fill('errors 500');
    await page.locator('button:not([aria-disabled]) >> text=/^Roll back/').last().click();
    await page.waitForURL('**/releases/team-shop/**');
    await page.locator('text=“errors 500”').waitFor();
  },
  'an approval lets a release go on': async (page, backend) => {
    await enter(page, backend, '/releases/team-shop/checkout.prod-eu-x7k2m');
    await page.getByRole('button', { name: 'Approve…' }).click();
    await page.getByRole('button', { name: 'Approve', exact: true }).click();
    await page.locator('h1 >> text=Healthy').waitFor({ timeout: 60_000 });
    await page.locator('.timeline >> text=approved by alice').waitFor();
  },
  'a plan that nobody wants leaves nothing behind': async (page, backend) => {
    await enter(page, backend, '/?act=release/team-shop/cart/prod-eu');
    await page.locator('.diff-file').first().waitFor();
    await page.keyboard.press('Escape');
    await page.waitForURL((url) => !url.search.includes('act'));
    await page.waitForFunction(async () => {
      const { items } = await (await fetch('/apis/gimlet.io/v1alpha1/namespaces/team-shop/releases')).json();
      return items.every(({ spec }) => !spec.planOnly);
    });
  },
  'logs are read by keys: opened, filtered, paused, of the container before, closed': async (page, backend) => {
    await enter(page, backend, RUNS);
    await page.locator('.key-bar >> text=logs').waitFor();
    await page.keyboard.press('l');
    await page.locator('.logs-line >> text=connection refused').first().waitFor();
    await page.locator('.logs-count >> text=×3').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('order -accepted');
    await page.locator('.logs-line >> text=listening').first().waitFor({ state: 'detached' });
    await page.locator('.logs-line >> text=order refused').first().waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('f');
    await page.getByRole('button', { name: 'Follow' }).waitFor();
    await page.keyboard.press('c');
    await page.locator('text=lines copied').waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    if (!copied.includes('order refused') || copied.includes('accepted')) throw new Error(`copied: ${copied}`);
    await page.keyboard.press('p');
    await page.locator('text=that is all').waitFor();
    if (await page.locator('.logs-mark').count()) throw new Error('a restart is marked in the log of the one before');
    await page.keyboard.press('p');
    await page.getByRole('button', { name: 'previous container of catalog-6c-b, app' }).click();
    await page.locator('text=that is all').waitFor();
    if (!page.url().includes('pod=catalog-6c-b&container=app')) throw new Error(`the URL says ${page.url()}`);
    if (!page.url().includes('previous=true')) throw new Error(`the URL says ${page.url()}`);
    await page.keyboard.press('e');
    await page.locator('.logs-events >> text=BackOff').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.logs-panel').waitFor({ state: 'detached' });
  },
  'a stack trace is unfolded by a click and by a key, and events stand among the lines': async (page, backend) => {
    await enter(page, backend, `${RUNS}?panel=logs/team-shop/catalog/prod-us`);
    const fold = page.getByRole('button', { name: '4 lines more' });
    await fold.first().waitFor();
    if (await page.locator('.logs-more').count()) throw new Error('traces are unfolded from the start');
    await fold.last().click();
    await page.locator('.logs-more >> text=Caused by').waitFor();
    await fold.last().focus();
    await page.keyboard.press('Enter');
    await page.locator('.logs-more').waitFor({ state: 'detached' });
    await page.keyboard.press('t');
    await page.locator('.logs-more').nth(1).waitFor();
    await page.keyboard.press('f');
    await page.locator('.logs-at .logs-more').first().waitFor();
    await page.keyboard.press('f');
    await page.keyboard.press('t');
    await page.locator('.logs-more').first().waitFor({ state: 'detached' });
    await page.keyboard.press('E');
    await page.locator('.logs-event >> text=BackOff').first().waitFor();
    if (!page.url().includes('events=true')) throw new Error(`the URL says ${page.url()}`);
    const older = await page.getByRole('link', { name: 'Older logs' }).getAttribute('href');
    if (older !== 'https://grafana.example.com/explore?app=catalog&ns=shop&pod=')
      throw new Error(`older logs: ${older}`);
    await page.keyboard.press('E');
    await page.locator('.logs-event').first().waitFor({ state: 'detached' });
  },
  'who scrolls back in a log pauses it, and a log that broke off goes on behind a gap': async (page, backend) => {
    await enter(page, backend, `${RUNS}?panel=logs/team-shop/catalog/prod-us`);
    await page.locator('.logs-line').first().waitFor();
    await page.locator('.logs-lines').hover();
    await page.mouse.wheel(0, -400);
    await page.locator('.logs-at').first().waitFor();
    await page.keyboard.press('G');
    await page.locator('.logs-at').first().waitFor({ state: 'detached' });
    await backend.stop();
    await page.locator('text=Connection lost, tried again').waitFor();
    await backend.start();
    await page.locator('.logs-mark >> text=without a connection').waitFor({ timeout: 60_000 });
  },
  'a workload is restarted, and Flux is asked to look': async (page, backend) => {
    await enter(page, backend, RUNS);
    await page.getByRole('button', { name: 'Restart Deployment catalog…' }).click();
    await page.getByRole('button', { name: 'Restart', exact: true }).click();
    await page.locator('text=the pods of Deployment shop/catalog are started again').waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('f');
    await page.locator('text=Flux is asked to look at Kustomization').waitFor();
    await enter(page, backend, '/apps/team-shop/mailer/staging');
    const button = page.getByRole('button', { name: 'Reconcile' });
    await button.waitFor();
    if ((await button.getAttribute('aria-disabled')) !== 'true') throw new Error('the button is enabled');
    await button.focus();
    await page.getByRole('tooltip').locator('text=--on-demand=reconcile').waitFor();
  },
  'the resource tree is opened by a key, and leads from a pod to its log': async (page, backend) => {
    await enter(page, backend, RUNS);
    await page.locator('.key-bar >> text=resource tree').waitFor();
    await page.keyboard.press('t');
    await page.waitForURL('**panel=tree**');
    const below = (of) => page.locator('.tree details', { has: page.locator('> summary', { hasText: of }) });
    const pods = below('Kustomization').last().locator('details', { hasText: 'Deployment' }).last();
    await pods.locator('details', { hasText: 'ReplicaSet catalog-6c' }).locator('li >> text=catalog-6c-b').waitFor();
    await page.locator('.tree >> text=monitoring/catalog-metrics').waitFor();
    await page.getByRole('link', { name: 'catalog-6c-b' }).click();
    await page.waitForURL('**panel=logs**pod=catalog-6c-b**');
    await page.locator('.logs-line').first().waitFor();
    await page.keyboard.press('e');
    await page.locator('.logs-events >> text=BackOff').waitFor();
    await page.keyboard.press('t');
    await page.locator('.tree-line >> text=PodDisruptionBudget').waitFor();
  },
  'what pods use is drawn where somebody measures it, and there is no column elsewhere': async (page, backend) => {
    await enter(page, backend, RUNS);
    const line = page.getByRole('img', { name: /^memory of pod catalog-6c-b: \d+Mi now/ });
    await line.waitFor();
    await page.getByRole('img', { name: /^processor of Deployment catalog: \d+m now/ }).waitFor();
    await page.waitForFunction(
      () => document.querySelector('.usage polyline').getAttribute('points').split(' ').length > 2,
      undefined,
      { timeout: 45_000 },
    );
    await page.goto(`${backend.address}/apps/team-shop/cart/prod-us`);
    await page.locator('.app-runs .pod').first().waitFor();
    await page.waitForLoadState('networkidle');
    if (await page.locator('th >> text=CPU').count()) throw new Error('there is a column of nothing');
  },
  'Flux goes on with what was suspended, and the page says so at once': async (page, backend) => {
    await enter(page, backend, '/apps/team-shop/images/prod-us');
    await page.getByRole('button', { name: 'Resume Kustomization images…' }).click();
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.locator('text=Flux goes on with Kustomization').waitFor();
    await page.locator('text=Flux leaves Kustomization').waitFor({ state: 'detached', timeout: 2000 });
    await page.goto(`${backend.address}/apps/team-shop/images/staging`);
    const button = page.getByRole('button', { name: 'Resume Kustomization images…' });
    await button.waitFor();
    if ((await button.getAttribute('aria-disabled')) !== 'true') throw new Error('the button is enabled');
    await button.focus();
    await page.getByRole('tooltip').locator('text=--on-demand=resume').waitFor();
  },
  'only commits that can be released are left, also after a reload': async (page, backend) => {
    await enter(page, backend, '/commits/team-shop/checkout');
    const row = (message) => page.locator('.commits tbody tr').filter({ hasText: message });
    await row('try another manifest').waitFor();
    await page.getByRole('button', { name: 'With artifact' }).click();
    await row('bump dependencies').filter({ hasText: 'no artifact' }).waitFor({ state: 'detached' });
    await row('try another manifest').getByRole('button', { name: 'Release…' }).click();
    await page.locator('text=has no manifest that can be released').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Deployable' }).click();
    await page.waitForURL('**only=deployable**');
    await row('try another manifest').waitFor({ state: 'detached' });
    if ((await page.locator('.commits tbody tr').count()) < 5) throw new Error('too few commits are left');
    await page.reload();
    await page.locator('button[aria-pressed=true] >> text=Deployable').waitFor();
    await page.locator('.commits tbody tr').first().waitFor();
    if (await row('try another manifest').count()) throw new Error('it is there again');
  },
  'a pull request leads to its preview, and says at once how that is': async (page, backend) => {
    await enter(page, backend, '/commits/team-shop/checkout');
    const pull = page.locator('.pulls li').filter({ hasText: '#214' });
    await pull.locator('a[href="https://checkout-new-cart.dev.shop.example"]').waitFor();
    await pull.locator('text=Healthy').waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    const removal = { reason: 'BranchDeleted', message: 'the branch new-cart is gone' };
    await change(page, 'apps/checkout-new-cart.dev', {
      status: { live: { state: 'Progressing' }, preview: { url: null, removal } },
    });
    await pull.locator('text=Progressing').waitFor({ timeout: 2000 });
    await pull.locator('text=goes: the branch new-cart is gone').waitFor({ timeout: 2000 });
    await pull.getByRole('link', { name: 'checkout-new-cart in dev' }).click();
    await page.waitForURL('**/apps/team-shop/checkout-new-cart/dev');
  },
  'an app is gone to by keys alone, from any page': async (page, backend) => {
    await enter(page, backend, '/settings');
    await page.locator('.key-bar >> text=all keys').waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.getByRole('textbox', { name: 'Go to an app' }).waitFor();
    await page.keyboard.type('cart in staging');
    await page.locator('text=cart in staging').waitFor();
    if (await page.locator('text=Logs of cart').count()) throw new Error('there is more than apps');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/apps/team-shop/cart/staging');
    await page.locator('[role=dialog]').waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('l');
    await page.waitForURL('**/audit**');
  },
  'what was built of a tag is released from its line, and each tag leads to its commit': async (page, backend) => {
    await enter(page, backend, '/commits/team-shop/checkout');
    const tags = page.getByRole('region', { name: 'Tags' });
    const old = tags.getByRole('listitem').filter({ hasText: 'v0.9.0' });
    await old.filter({ hasText: 'no artifact' }).waitFor();
    await old.locator(`a[href="https://git.example.com/shop-org/checkout/commit/${'c'.repeat(40)}"]`).waitFor();
    const id = await tags.getByRole('listitem').filter({ hasText: 'v1.8.0' }).locator('.sha').textContent();
    await tags.getByRole('button', { name: 'Release v1.8.0…' }).click();
    await page.waitForURL('**act=release**');
    await page.locator(`[role=dialog] >> text=${id}`).first().waitFor();
  },
  'a commit is opened at its host by a key': async (page, backend) => {
    await enter(page, backend, '/commits/team-shop/checkout');
    await page.locator('.key-bar >> text=open at the host').waitFor();
    await page.context().route('https://git.example.com/**', (route) => route.fulfill({ body: 'the host' }));
    const opened = page.context().waitForEvent('page');
    await page.keyboard.press('o');
    await (await opened).waitForURL('https://git.example.com/shop-org/checkout/commit/**');
  },
  'an app is starred on its page, and what people committed there is linked': async (page, backend) => {
    await enter(page, backend, '/apps/team-shop/search/prod-eu');
    const entry = page.locator('.history li').filter({ hasText: 'by hand' }).first();
    await entry.locator('a[href^="https://git.example.com/shop-org/gitops/commit/"]').waitFor();
    await page.locator('.key-bar >> text=star').waitFor();
    await page.keyboard.press('*');
    await page.getByRole('button', { name: 'Unstar search' }).waitFor();
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.locator('[role=row][aria-rowindex="2"] strong >> text=search').waitFor();
  },
  'a release that failed is tried again from its page, and copied by a key': async (page, backend) => {
    await enter(page, backend, '/releases/team-shop/checkout.prod-eu-x7k2m');
    await page.locator('.key-bar >> text=copy as').waitFor();
    await page.keyboard.press('c');
    await page.getByRole('menuitem', { name: 'gimlet command' }).waitFor();
    await page.keyboard.press('Escape');
    if (await page.getByRole('button', { name: 'Try again…' }).count()) throw new Error('it is on its way still');
    await change(page, 'releases/checkout.prod-eu-x7k2m', { status: { phase: 'Failed' } });
    await page.getByRole('button', { name: 'Try again…' }).click();
    await page.waitForURL('**act=release/team-shop/checkout/prod-eu/checkout-**');
    await page.getByRole('dialog').locator('.release-plan').waitFor();
  },
  'a panel that fails stands in its place, and the rest of the page stays': async (page, backend) => {
    await enter(page, backend, '/apps/team-shop/cart/prod-eu');
    await page.locator('.history li').first().waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    await change(page, 'apps/cart.prod-eu', { status: { current: { commit: 7 } } });
    await page.locator('text=The state cannot be shown').waitFor();
    await page.locator('.history li').first().waitFor();
    await page.route('**/assets/LogsPanel-*.js', (route) => route.abort());
    await enter(page, backend, '/?panel=logs/team-shop/cart/prod-us');
    await page.locator('.floats >> text=The log cannot be shown').waitFor();
    await page.locator('[role=row] >> text=cart').first().waitFor();
    await page.unroute('**/assets/LogsPanel-*.js');
    await page.locator('.floats').getByRole('button', { name: 'Try again' }).click();
    await page.locator('.logs-panel').waitFor();
  },
  'a page that cannot be loaded says so, and the way to the others stays': async (page, backend) => {
    await enter(page, backend);
    await page.locator('[role=row] >> text=checkout').first().waitFor();
    await page.route('**/assets/AuditPage-*.js', (route) => route.abort());
    await page.getByRole('link', { name: 'Audit log' }).click();
    await page.locator('text=The page cannot be shown').waitFor();
    await page.getByRole('link', { name: 'Commits' }).click();
    await page.locator('.data tbody tr').first().waitFor();
  },
  'an app is uninstalled once its name is typed': async (page, backend) => {
    await enter(page, backend, '/apps/team-shop/cart/prod-eu');
    await page.getByRole('button', { name: 'Uninstall…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('text=gimlet delete app cart -e prod-eu -n team-shop').waitFor();
    const button = dialog.getByRole('button', { name: 'Uninstall', exact: true });
    if (!(await button.isDisabled())) throw new Error('the button is enabled');
    await dialog.getByLabel('Type cart.prod-eu to uninstall it').fill('cart.prod-eu');
    await button.click();
    await page.locator('text=cart is not released in prod-eu').waitFor();
  },
  'a plan is made for others to look at, and released from its page': async (page, backend) => {
    await enter(page, backend, '/?act=release/team-shop/cart/prod-eu');
    const dialog = page.getByRole('dialog');
    await dialog.locator('.diff-file').first().waitFor();
    await dialog.getByLabel('Reason').fill('look at this');
    await dialog.getByRole('button', { name: 'Plan only' }).click();
    await page.waitForURL('**/releases/team-shop/**');
    await page.locator('h1 >> text=Planned').waitFor();
    await page.locator('text=“look at this”').waitFor();
    await page.getByRole('button', { name: 'Release it…' }).click();
    await page.getByRole('dialog').locator('.release-plan').waitFor();
    if ((await dialog.getByLabel('Reason').inputValue()) !== 'look at this') throw new Error('the reason is gone');
  },
  'what cannot be read anew stays, with the time when it was': async (page, backend) => {
    await enter(page, backend, '/commits/team-shop/checkout');
    await page.locator('.commits tbody tr').first().waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    await page.route('**/repositories/checkout/commits**', (route) =>
      route.fulfill({ status: 429, json: { status: 429, reason: 'RateLimited', detail: 'no more until 13:05' } }),
    );
    await change(page, 'repositories/checkout', { status: { head: { commit: 'e'.repeat(40) } } });
    await page.getByRole('alert').locator('text=/What is shown below was read (now|.* ago)/').waitFor();
    await page.locator('.commits tbody tr').first().waitFor();
  },
  'a commit that is pushed elsewhere is among the commits within two seconds': async (page, backend) => {
    await enter(page, backend, '/commits/team-shop/checkout');
    await page.locator('.data tbody tr').first().waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    await change(page, 'repositories/checkout', { status: { head: { commit: 'e'.repeat(40) } } });
    await page.locator('text=pushed elsewhere').waitFor({ timeout: 2000 });
  },
  'what is changed elsewhere and what is refused is in the audit log within two seconds': async (page, backend) => {
    await enter(page, backend, '/audit');
    await page.locator('.data tbody tr').first().waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    await change(page, 'environments/staging', { status: { head: { commit: 'f'.repeat(40) } } });
    await page.locator('tr >> text=edited elsewhere').waitFor({ timeout: 2000 });
    const before = await page.locator('tr >> text=denied').count();
    if (before !== 1) throw new Error(`${before} denials are shown`);
  },
  'who may do things are people, and parts of Kubernetes are unfolded': async (page, backend) => {
    await enter(page, backend, '/environments/team-shop/prod-eu?tab=access');
    const row = page.locator('.who-may tr').filter({ hasText: 'uninstall apps' });
    await row.locator('text=ada').waitFor();
    const controller = row.locator('text=kube-system/namespace-controller');
    if (await controller.isVisible()) throw new Error('a controller stands among the people');
    await row.locator('summary >> text=and 2 of Kubernetes itself').click();
    await controller.waitFor();
  },
  'no key of the bar is cut at any width': async (page, backend) => {
    await enter(page, backend, APP);
    await page.locator('.key-bar >> text=roll back').waitFor();
    for (const width of [800, 960, 1100, 1360]) {
      await page.setViewportSize({ width, height: 860 });
      const cut = await page.evaluate(() => {
        const bar = document.querySelector('.key-bar-page').getBoundingClientRect();
        const keys = [...document.querySelectorAll('.key-bar span')].map((key) => key.getBoundingClientRect());
        const seen = keys.filter(({ top }) => top < bar.bottom);
        return { cut: seen.filter(({ right }) => right > innerWidth + 0.5).length, seen: seen.length };
      });
      if (cut.cut > 0 || cut.seen < 4) throw new Error(`at ${width}: ${JSON.stringify(cut)}`);
    }
  },
  'an environment is suspended, and is not deleted while there are apps': async (page, backend) => {
    await enter(page, backend, '/environments/team-shop/staging?tab=danger');
    await page.getByRole('button', { name: 'Suspend' }).click();
    await page.locator('h1 >> text=Suspended').waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.locator('h1 >> text=Ready').waitFor();
    const button = page.getByRole('button', { name: 'Delete…' });
    await button.hover();
    await page.getByRole('tooltip').locator('text=uninstall them first').waitFor();
  },
  'Flux is asked to look at an environment by a key, and tabs are opened by numbers': async (page, backend) => {
    await enter(page, backend, '/environments/team-shop/prod-us');
    const state = page.getByRole('region', { name: 'State' });
    await state.filter({ hasText: /0\.1\.0 in cluster 7d1c5a9e, seen (now|\d+s ago)/ }).waitFor();
    await state.filter({ hasText: /Flux v2\.9\.0 2\/2 Ready/ }).waitFor();
    await state.filter({ hasText: /pushed \d+m ago, queue 0/ }).waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    await change(page, 'releases/catalog.prod-us-f4l3d', { status: { phase: 'Queued' } });
    await state.filter({ hasText: 'queue 1' }).waitFor({ timeout: 5000 });
    const asked = [];
    await page.route('**/api/agents/team-shop/prod-us/reconcile', (route) => {
      asked.push(route.request().postDataJSON().kind);
      return route.continue();
    });
    await page.locator('.key-bar >> text=reconcile').waitFor();
    await page.keyboard.press('f');
    await page.locator('text=Flux is asked to look at GitRepository').waitFor();
    if (asked.join() !== 'GitRepository,Kustomization') throw new Error(`${asked} were asked`);
    await page.keyboard.press('3');
    await page.waitForURL('**tab=policies**');
    await page.goto(`${backend.address}/environments/team-shop/staging`);
    await page.getByRole('button', { name: 'Reconcile' }).hover();
    await page.getByRole('tooltip').locator('text=is not connected').waitFor();
  },
  'rules are changed once the API server has judged them, and what others change meanwhile is told': async (
    page,
    backend,
  ) => {
    await enter(page, backend, '/environments/team-shop/prod-eu?tab=policies');
    await page.locator('.live[data-state=open]').waitFor();
    const asked = [];
    page.on('request', (request) => {
      if (request.method() === 'PATCH') asked.push([request.url().split('/').at(-1), request.postData()].join(' '));
    });
    await editRules(page, '2');
    const apply = page.getByRole('button', { name: 'Apply' });
    if ((await apply.getAttribute('aria-disabled')) !== 'true')
      throw new Error('it can be applied before it is judged');
    await apply.and(page.locator(':not([aria-disabled])')).click();
    await page.locator('dd >> text=2 people have to agree').waitFor();
    const change = '{"spec":{"approval":{"count":2}}}';
    if (asked.join() !== [`prod-eu?dryRun=All ${change}`, `prod-eu ${change}`].join()) throw new Error(asked.join());
    await editRules(page, '3');
    await apply.and(page.locator(':not([aria-disabled])')).waitFor();
    await page.evaluate(() =>
      fetch('/apis/gimlet.io/v1alpha1/namespaces/team-shop/environments/prod-eu', {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/merge-patch+json' },
        body: '{"spec":{"deletionGuard":"Off"}}',
      }),
    );
    await page.locator('text=Somebody else has changed the rules meanwhile').waitFor({ timeout: 5000 });
    await apply.and(page.locator('[aria-disabled]')).waitFor();
    await page.getByRole('button', { name: 'Start again from theirs' }).click();
    const text = page.locator('.cm-content').filter({ hasText: 'deletionGuard: Off' });
    await text.filter({ hasText: 'count: 2' }).waitFor();
  },
  'links of the chain to an agent are told as they come to be': async (page, backend) => {
    await enter(page, backend, '/environments/team-shop/dev?tab=flux');
    await page.locator('.live[data-state=open]').waitFor();
    await change(page, 'environments/dev', { spec: { observedBy: 'Agent' } });
    const chain = page.getByRole('list', { name: 'Chain' });
    await chain.locator('text=nothing has been heard of it yet').waitFor({ timeout: 5000 });
    await page.locator('.copy-line >> text=gimlet env connect dev -n team-shop').waitFor();
    const agent = { version: '0.1.0', cluster: 'eu-1', lastContact: new Date(Date.now() - 120_000).toISOString() };
    await change(page, 'environments/dev', { status: { agent } });
    await chain.locator('text=nothing is heard of it any more').waitFor({ timeout: 5000 });
    await change(page, 'environments/dev', { status: { agent: { lastContact: new Date().toISOString() } } });
    await chain.waitFor({ state: 'detached' });
  },
  'a lock is shown to everybody at once': async (page, backend) => {
    await enter(page, backend);
    await page.locator('[role=row] >> text=checkout').first().waitFor();
    await page.locator('.live[data-state=open]').waitFor();
    await page.evaluate(() =>
      fetch('/apis/gimlet.io/v1alpha1/namespaces/team-shop/environments/staging', {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/merge-patch+json' },
        body: JSON.stringify({ spec: { lock: { reason: 'database moves' } } }),
      }),
    );
    await page.locator('text=staging locked: database moves').waitFor({ timeout: 60_000 });
  },
  'a lost connection is said, what was shown stays, and it comes back': async (page, backend) => {
    await enter(page, backend);
    await page.locator('.live[data-state=open]').waitFor();
    const row = page.locator('[role=row] >> text=checkout').first();
    await row.waitFor();
    await backend.stop();
    await page.locator('.live[data-state=lost]').waitFor();
    if (!(await row.isVisible())) throw new Error('the rows are gone');
    await backend.start();
    const back = page.locator('.live[data-state=open]').waitFor();
    // It also comes back by itself, and then the button is gone before it can be clicked.
    const click = page.locator('button >> text=reconnect').click();
    await Promise.race([back, click.catch(() => back)]);
    await back;
  },
  'who signs out is led to where the session at the provider ends': async (page, backend) => {
    await enter(page, backend);
    await page.locator('[role=row] >> text=checkout').first().waitFor();
    const next = `${backend.address}/settings?left=1`;
    await page.route('**/api/v1/session', (route) => route.fulfill({ json: { next } }));
    await page.getByRole('button', { name: /Signed in as/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.waitForURL('**/settings?left=1');
  },
  'a token that is wrong is told, a right one lets in': async (page, backend) => {
    await enter(page, backend);
    await page.locator('[role=row] >> text=checkout').first().waitFor();
    await page.getByRole('button', { name: /Signed in as/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('textbox', { name: 'Kubernetes token' }).fill('wrong');
    await page.keyboard.press('Enter');
    await page.locator('text=does not know this token').waitFor();
    await page.getByRole('textbox', { name: 'Kubernetes token' }).fill('right');
    await page.keyboard.press('Enter');
    await page.locator('[role=row] >> text=checkout').first().waitFor();
  },
};

/** Messages of the browser about requests that a step wants to fail. */
export const expectedInSteps = [
  // What a step breaks on purpose.
  'slice is not a function',
  'ERR_FAILED',
  'dynamically imported module',
  '429',
  '401',
  '409',
  'WebSocket connection',
  'ERR_CONNECTION_REFUSED',
  'ERR_CONNECTION_RESET',
  'ERR_EMPTY_RESPONSE',
  'ERR_INCOMPLETE_CHUNKED_ENCODING',
];
