import { expect, test } from 'vitest';
import type { Environment, FluxObject } from '~/api/kinds';
import { itemsOf, readyText, reconcileHere } from './flux';

const objects: FluxObject[] = [
  { kind: 'Kustomization', name: 'gimlet-prod', ready: true },
  { kind: 'GitRepository', name: 'gimlet-prod', ready: false },
  { kind: 'HelmRelease', name: 'ingress', suspended: true },
];
const environment = (namespace?: string): Environment => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'Environment',
  metadata: { name: 'prod', namespace: 'team' },
  spec: { gitops: { url: 'https://git/x' }, ...(namespace ? { flux: { namespace } } : {}) },
  status: { agent: { version: '1', cluster: 'c', lastContact: '2026-01-01T00:00:00Z', flux: objects } },
});

test('what is ready is counted, and nothing where nothing is known', () => {
  expect(readyText(objects)).toBe('1/3 Ready');
  expect([readyText([]), readyText(undefined)]).toEqual([undefined, undefined]);
});

test('Flux fetches before it applies, in the namespace of its objects', () => {
  const names = (each: Environment) => itemsOf(each).map(({ kind, namespace }) => `${namespace}/${kind}`);
  expect(names(environment())).toEqual([
    'flux-system/GitRepository',
    'flux-system/Kustomization',
    'flux-system/HelmRelease',
  ]);
  expect(names(environment('flux'))[0]).toBe('flux/GitRepository');
});

test('where no agent is, the command is named', () => {
  expect(reconcileHere(environment('flux'))).toContain('kustomization gimlet-prod -n flux --with-source');
});
