import { expect, test } from 'vitest';
import { isOfKubernetes, sorted } from './holders';

const system =
  'ClusterRoleBinding system:controller:namespace-controller, ClusterRole system:controller:namespace-controller';
const account = (name: string, ...through: string[]) => ({ kind: 'ServiceAccount', name, through });

test('controllers of Kubernetes are told from people and their programs', () => {
  const controller = account('kube-system/namespace-controller', system);
  const ci = account('build/ci', 'RoleBinding ci, Role ship');
  expect(sorted([controller, ci])).toEqual({ people: [ci], kubernetes: [controller] });
  expect(isOfKubernetes({ kind: 'User', name: 'system:kube-controller-manager', through: [system] })).toBe(true);
});

test('who was given the right by somebody is never hidden', () => {
  expect(isOfKubernetes(account('kube-system/tiller', system, 'ClusterRoleBinding tiller, ClusterRole admin'))).toBe(
    false,
  );
  expect(isOfKubernetes(account('team/ci', system))).toBe(false);
  expect(isOfKubernetes({ kind: 'User', name: 'ada', through: [system] })).toBe(false);
  expect(isOfKubernetes({ kind: 'Group', name: 'system:authenticated', through: [system] })).toBe(false);
});
