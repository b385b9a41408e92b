import { expect, test } from 'vitest';
import type { App, PreviewBinding, Repository } from '~/api/kinds';
import type { Row } from '~/api/server';
import type { PullRequest } from '~/api/views';
import { calledOf, isOfRepository, newsOfPreviews, previewsOf, stateOf } from './previews';

const repository: Repository = {
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'Repository',
  metadata: { name: 'shop', namespace: 'team' },
  spec: { url: 'https://git.example.com/Acme/shop.git' },
};
const app = (name: string, preview?: Partial<PreviewBinding>, environment = 'dev', namespace = 'team'): App => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'App',
  metadata: { name: `${name}.${environment}`, namespace },
  spec: { app: name, environment, preview: preview && { repository: 'acme/shop', branch: 'fix', ...preview } },
  status: {
    conditions: [{ type: 'Ready', status: 'False', reason: 'R', message: 'pods crash', lastTransitionTime: '' }],
  },
});
const pull: PullRequest = {
  number: 7,
  title: 'fix it',
  url: 'https://git.example.com/acme/shop/pulls/7',
  branch: 'fix',
  fromFork: false,
  commit: '9f3c1a2',
  targetBranch: 'main',
  draft: false,
};
const row = (cells: Row['cells']): Row => ({ key: 'team/shop-fix', namespace: 'team', app: 'shop-fix', cells });
const names = (apps: App[]) => apps.map(({ metadata }) => metadata.name);

test('a repository is called the same, however its address is written', () => {
  for (const url of [
    'https://git.example.com/acme/shop.git',
    'ssh://git@git.example.com:2222/acme/shop',
    'git@git.example.com:acme/shop.git',
    'https://git.example.com/acme/shop/',
  ])
    expect(calledOf(url), url).toBe('acme/shop');
  expect(calledOf('https://gitlab.example.com/a/b/c')).toBe('a/b/c');
});

test('previews belong to one repository', () => {
  expect(isOfRepository(app('shop-fix', {}), repository)).toBe(true);
  expect(isOfRepository(app('shop-fix'), repository), 'no preview').toBe(false);
  expect(isOfRepository(app('shop-fix', { repository: 'acme/blog' }), repository)).toBe(false);
  expect(isOfRepository(app('shop-fix', { namespace: 'others' }), repository), 'of another Repository').toBe(false);
});

test('a pull request has the previews that are bound to it, by its number, else by its branch', () => {
  const bound = app('shop-fix', { pullRequest: 7 }, 'staging');
  const fresh = app('shop-fix', { followPullRequest: true });
  const others = [
    app('shop-other', { pullRequest: 8 }),
    app('shop-more', { followPullRequest: true, branch: 'more' }),
    app('shop', { followPullRequest: false }),
  ];
  expect(names(previewsOf(pull, [bound, ...others, fresh]))).toEqual(['shop-fix.dev', 'shop-fix.staging']);
  expect(names(previewsOf({ ...pull, fromFork: true }, [bound, fresh])), 'the branch of a fork').toEqual([
    'shop-fix.staging',
  ]);
});

test('how a preview is the server says, else its own object', () => {
  const preview = app('shop-fix', {});
  expect(stateOf(preview, [row({ dev: { word: 'Waiting', text: 'on hold' } })])).toEqual({
    word: 'Waiting',
    text: 'on hold',
  });
  expect(stateOf(preview, [row({ prod: { word: 'Healthy' } })])).toEqual({ word: 'Failed', text: 'pods crash' });
});

test('previews are read again when apps come and go, or one of them changes, and not for the rest', () => {
  const preview = app('shop-fix', {});
  const rest: Row = { key: 'team/blog', namespace: 'team', app: 'blog', cells: { dev: { word: 'Healthy' } } };
  const rows = [row({ dev: { word: 'Progressing' } }), rest];
  const told = newsOfPreviews(rows, [preview]);
  expect(newsOfPreviews([row({ dev: { word: 'Healthy' } }), rest], [preview])).not.toBe(told);
  expect(newsOfPreviews(rows.slice(1), [preview])).not.toBe(told);
  const failing: Row = { ...rest, cells: { dev: { word: 'Failed' } } };
  expect(newsOfPreviews([failing, ...rows.slice(0, 1)], [preview])).toBe(told);
});
