import { expect, test } from 'vitest';
import type { App } from '~/api/kinds';
import { holdPatch, kubectlHold } from './hold';

const app: App = {
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'App',
  metadata: { name: 'shop.prod', namespace: 'team' },
  spec: { app: 'shop', environment: 'prod' },
};

test('a hold has its reason, also where a shell would read more into it', () => {
  expect(kubectlHold(app, holdPatch("it's $5"))).toBe(
    `kubectl patch apps.gimlet.io shop.prod -n team --type=merge -p '{"spec":{"hold":{"reason":"it'\\''s $5"}}}'`,
  );
});

test('lifting a hold takes all of it, with what a rollback wrote into it', () => {
  expect(kubectlHold(app, holdPatch())).toContain(`-p '{"spec":{"hold":null}}'`);
});
