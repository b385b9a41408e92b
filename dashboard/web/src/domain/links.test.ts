import { expect, test } from 'vitest';
import type { Release } from '~/api/kinds';
import { commitLinks, folderOf, isOf, isOutside } from './links';

const release = (url: string | undefined): Release => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'Release',
  metadata: { name: 'shop.prod-x', namespace: 'team' },
  spec: { app: 'shop', environment: 'prod' },
  status: { commit: { sha: 'a1b2c3d', short: 'a1b2c3d', url, branch: 'main', path: 'prod/shop' } },
});

test('commits of people are linked as those of releases are', () => {
  const link = commitLinks([release(undefined), release('https://gitlab.example.com/a/gitops/-/commit/a1b2c3d')]);
  expect(link('77de01a')).toBe('https://gitlab.example.com/a/gitops/-/commit/77de01a');
  expect(commitLinks([release(undefined)])('77de01a')).toBeUndefined();
  expect(commitLinks([])('77de01a')).toBeUndefined();
});

test('only addresses of the web are links', () => {
  expect(['https://a', 'http://a', 'javascript:alert(1)', '', null].map(isOutside)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('an address is known as that of a repository, however it is written', () => {
  expect(isOf('https://git.example.com/Acme/shop.git', 'acme/shop')).toBe(true);
  expect(isOf('git@git.example.com:acme/shop', 'acme/shop')).toBe(true);
  expect(isOf('https://git.example.com/acme/webshop', 'acme/shop')).toBe(false);
});

test('the folder of an app is that of a release that is in git', () => {
  expect(folderOf([release(undefined)])).toBe('prod/shop');
  expect(folderOf([])).toBeUndefined();
});
