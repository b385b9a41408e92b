import { beforeEach, expect, test } from 'vitest';
import type { App } from '~/api/kinds';
import { actFromText } from './act';
import { parseSearch, stringifySearch } from './search';
import { clearSelection, currentSelection, selectAll, toggleSelected } from './selection';
import {
  membersOf,
  newReleaseSet,
  ordersOf,
  sharedArtifact,
  type Together,
  togetherFromText,
  togetherToText,
  whyNotTogether,
} from './together';

const together: Together = { namespace: 'team', apps: ['cart', 'shop'], from: 'staging', to: 'prod' };
const app = (name: string, environment: string, artifact?: string, namespace?: string): App => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'App',
  metadata: { name: `${name}.${environment}`, namespace: 'team' },
  spec: { app: name, environment },
  status: {
    current: {
      name: `${name}.${environment}-1`,
      commit: `${environment}0000000`,
      tree: 't',
      time: '2026-01-01T00:00:00Z',
      version: artifact,
      ...(artifact ? { artifact: { name: artifact, ...(namespace ? { namespace } : {}) } } : {}),
    },
  },
});

test('apps that go together survive the URL, and are no action of one app', () => {
  const text = togetherToText(together);
  expect(stringifySearch({ act: text })).toBe('?act=together/team/cart~shop/staging/prod');
  expect(togetherFromText(parseSearch(stringifySearch({ act: text })).act)).toEqual(together);
  expect(actFromText(text)).toBeUndefined();
});

test.each(['', 'promote/team/cart/prod/staging', 'together/team//staging/prod', 'together/team/cart/staging', '%E0/x'])(
  'what makes no sense is nothing: %s',
  (text) => {
    expect(togetherFromText(text)).toBeUndefined();
  },
);

test('an app is named once, and never more than are planned at once', () => {
  const many = Array.from({ length: 60 }, (_, index) => `app-${index}`);
  expect(togetherFromText(togetherToText({ ...together, apps: ['a', 'a'] }))?.apps).toEqual(['a']);
  expect(togetherFromText(togetherToText({ ...together, apps: many }))?.apps).toHaveLength(50);
});

test('apps of one artifact are one ReleaseSet', () => {
  const found = [app('cart', 'staging', 'v2'), app('shop', 'staging', 'v2', 'team'), app('cart', 'prod', 'v1')];
  const members = membersOf(together, found);
  expect(members.map(({ version, now, base }) => [version, now, base])).toEqual([
    ['v2', 'v1', 'prod0000000'],
    ['v2', undefined, undefined],
  ]);
  const shared = sharedArtifact(members, 'team');
  expect(shared).toEqual({ name: 'v2' });
  expect(ordersOf(together, members, shared, {}).map(({ source }) => source)).toEqual([
    { artifact: { name: 'v2' } },
    { artifact: { name: 'v2' } },
  ]);
  const set = newReleaseSet(together, members, { name: 'v2' }, { reason: ' now ', requestedBy: 'ada' });
  expect(set.metadata).toEqual({ generateName: 'prod-', namespace: 'team' });
  expect(set.spec).toEqual({
    environment: 'prod',
    apps: ['cart', 'shop'],
    artifact: { name: 'v2' },
    reason: 'now',
    requestedBy: 'ada',
  });
});

test('apps of several artifacts, of none, or one alone, are releases of their own', () => {
  const shared = (...found: App[]) => sharedArtifact(membersOf(together, found), 'team');
  expect(shared(app('cart', 'staging', 'v2'), app('shop', 'staging', 'v3'))).toBeUndefined();
  expect(shared(app('cart', 'staging', 'v2'), app('shop', 'staging', 'v2', 'other'))).toBeUndefined();
  expect(shared(app('cart', 'staging'), app('shop', 'staging'))).toBeUndefined();
  const one = { ...together, apps: ['cart'] };
  expect(sharedArtifact(membersOf(one, [app('cart', 'staging', 'v2')]), 'team')).toBeUndefined();
  const members = membersOf(one, [app('cart', 'staging', 'v2'), app('cart', 'prod', 'v1')]);
  expect(ordersOf(one, members, undefined, { reason: 'why' })).toEqual([
    {
      namespace: 'team',
      app: 'cart',
      environment: 'prod',
      source: { promoteFrom: { environment: 'staging' } },
      reason: 'why',
      expectedBase: 'prod0000000',
    },
  ]);
  expect(ordersOf(one, members, undefined, {}, false)[0]?.expectedBase, 'nothing is expected').toBeUndefined();
  expect(ordersOf(one, members, { name: 'v2' }, {})[0]?.expectedBase, 'a set expects nothing').toBeUndefined();
});

test('an app that is not where it comes from says so', () => {
  const [cart, shop] = membersOf(together, [app('cart', 'staging', 'v2'), app('shop', 'prod', 'v1')]);
  expect(cart?.not).toBeUndefined();
  expect(shop?.not).toBe('it is not released in staging');
});

test('what is selected can go together in one namespace, and as far as all can be planned', () => {
  expect(whyNotTogether(['team/cart', 'team/shop'])).toBeUndefined();
  expect(whyNotTogether(['team/cart', 'other/shop'])).toContain('several namespaces');
  expect(whyNotTogether(Array.from({ length: 51 }, (_, index) => `team/${index}`))).toContain('At most 50');
});

beforeEach(clearSelection);

test('apps are selected one by one and all at once, and what was selected is another object each time', () => {
  toggleSelected('team/cart');
  const before = currentSelection();
  selectAll(['team/cart', 'team/shop'], true);
  expect([...currentSelection()]).toEqual(['team/cart', 'team/shop']);
  expect(before.size).toBe(1);
  toggleSelected('team/cart');
  expect([...currentSelection()]).toEqual(['team/shop']);
  selectAll(['team/shop', 'team/other'], false);
  expect(currentSelection().size).toBe(0);
});
