import { expect, it } from 'vitest';
import type { Repository } from '~/api/kinds';
import { hookOf, hostOf } from './hosts';

it('the host of a repository is known from every form of its address', () => {
  expect(hostOf('https://github.com/acme/shop.git')).toBe('github.com');
  expect(hostOf('https://git.example.com:8443/acme/shop')).toBe('git.example.com:8443');
  expect(hostOf('git@github.com:acme/shop.git')).toBe('github.com');
  expect(hostOf('ssh://git@git.example.com:2222/acme/shop')).toBe('git.example.com:2222');
  expect(hostOf('shop')).toBe('shop');
});

it('a webhook that was never seen is not one that comes', () => {
  const repository = (spec: object, annotations = {}): Repository => ({
    apiVersion: 'gimlet.io/v1alpha1',
    kind: 'Repository',
    metadata: { name: 'shop', namespace: 'team', annotations },
    spec: { url: 'https://github.com/acme/shop', ...spec },
  });
  const hook = { webhookSecretRef: { name: 'hook' } };
  expect(hookOf(repository({ interval: '5m' }))).toEqual({ text: 'none: looked at each 5m' });
  expect(hookOf(repository(hook))).toEqual({ text: 'none seen yet' });
  const seen = '2026-11-26T12:00:00Z';
  expect(hookOf(repository(hook, { 'gimlet.io/webhook-seen': seen }))).toEqual({ text: 'last seen', seen });
});
