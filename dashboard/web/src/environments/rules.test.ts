import { expect, test } from 'vitest';
import type { Environment } from '~/api/kinds';
import { keeperOf, kubectlPatch, mergePatch, readRules, rulesOf, rulesText } from './rules';

const environment: Environment = {
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'Environment',
  metadata: { name: 'prod', namespace: 'team' },
  spec: { gitops: { url: 'https://git/x' }, approval: { count: 2, own: true }, deletionGuard: 'Confirm' },
};

test('only rules are edited, and what is written is read again', () => {
  const rules = rulesOf(environment.spec);
  expect(rulesText(rules)).toBe('approval:\n  count: 2\n  own: true\ndeletionGuard: Confirm\n');
  expect(readRules(rulesText(rules))).toEqual({ rules, faults: [] });
  expect([rulesText({}), readRules('').rules]).toEqual(['', {}]);
});

test('what is no rule, or no YAML, is told', () => {
  expect(readRules('gitops: {}\n').faults[0]?.message).toContain('gitops: only approval');
  expect(readRules('- a\n').faults[0]?.message).toContain('fields such as');
  const [fault] = readRules('approval: {count: 1\n').faults;
  expect(fault?.message).not.toContain('\n');
  expect(readRules('approval: {count: 1\n').rules).toBeUndefined();
  const cron = readRules('windows:\n  deny:\n    - cron: */5\n');
  expect(cron.rules).toBeUndefined();
  expect(cron.faults).toHaveLength(1);
});

test('a patch has what changed, and nulls for what is gone', () => {
  const from = { approval: { count: 2, own: true }, windows: { deny: [{ cron: 'a' }] }, deletionGuard: 'Confirm' };
  expect(mergePatch(from, from)).toBeUndefined();
  expect(mergePatch(from, { ...from, approval: { count: 1 } })).toEqual({ approval: { count: 1, own: null } });
  expect(mergePatch(from, { deletionGuard: 'Off' })).toEqual({ approval: null, windows: null, deletionGuard: 'Off' });
  // Lists are replaced whole, as the API server does it.
  expect(mergePatch(from, { ...from, windows: { deny: [] } })).toEqual({ windows: { deny: [] } });
});

test('the same is a command', () => {
  expect(kubectlPatch(environment, { spec: { approval: null } })).toBe(
    `kubectl patch environments.gimlet.io prod -n team --type=merge -p '{"spec":{"approval":null}}'`,
  );
});

test('who applies the object from a file is known by their marks', () => {
  const of = (labels: Record<string, string>, annotations: Record<string, string> = {}) =>
    keeperOf({ name: 'prod', namespace: 'team', labels, annotations });
  expect(of({})).toBeUndefined();
  expect(
    of({ 'kustomize.toolkit.fluxcd.io/name': 'hub', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' }),
  ).toBe("Flux' Kustomization flux-system/hub");
  expect(of({}, { 'argocd.argoproj.io/tracking-id': 'hub:gimlet.io/Environment:team/prod' })).toBe(
    "Argo CD's application hub",
  );
  expect(of({}, { 'meta.helm.sh/release-name': 'envs' })).toBe('the Helm release envs');
});
