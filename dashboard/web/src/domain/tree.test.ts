import { expect, test } from 'vitest';
import type { AppState, FluxItem, Pod, Workload } from '~/api/agents';
import { type Branch, treeOf } from './tree';

const app: AppState = { namespace: 'shop', app: 'web', word: 'Healthy' };
const workload = (kind: string, name: string, more: Partial<Workload> = {}): Workload => ({
  kind,
  name,
  wanted: 1,
  ready: 1,
  updated: 1,
  images: [],
  word: 'Healthy',
  ...more,
});
const pod = (name: string, workload?: string, owner?: string): Pod => ({
  name,
  workload,
  owner,
  phase: 'Running',
  ready: true,
  restarts: 0,
});
const flux = (kind: string, name: string): FluxItem => ({ kind, namespace: 'flux-system', name, ready: true });
const inventory = (kind: string, name: string, ...objects: string[]) => ({
  kind,
  namespace: 'flux-system',
  name,
  objects: objects.map((text) => {
    const [kind = '', namespace, name = ''] = text.split(' ');
    return { kind, namespace, name };
  }),
});

/** Writes a tree as nested lists of names. */
const shape = (branches: readonly Branch[]): unknown[] =>
  branches.map(({ kind, namespace, name, children }) => {
    const text = `${kind} ${namespace ? `${namespace}/` : ''}${name}`;
    return children.length ? [text, ...shape(children)] : text;
  });

test('what Flux has applied stands below it, down to the pods of each version', () => {
  const state: AppState = {
    ...app,
    flux: [flux('Kustomization', 'prod-web')],
    workloads: [workload('Deployment', 'web'), workload('CronJob', 'report')],
    pods: [
      pod('web-b-1', 'Deployment/web', 'ReplicaSet/web-b'),
      pod('web-a-1', 'Deployment/web', 'ReplicaSet/web-a'),
      pod('web-b-2', 'Deployment/web', 'ReplicaSet/web-b'),
      pod('report-1-x', 'CronJob/report', 'Job/report-1'),
    ],
    links: [{ kind: 'Ingress', name: 'web', url: 'https://shop.example' }],
    inventories: [
      inventory(
        'Kustomization',
        'prod-web',
        'ConfigMap shop web',
        'Role monitoring web',
        'Deployment shop web',
        'CronJob shop report',
        'Ingress shop web',
      ),
    ],
  };
  expect(shape(treeOf(state))).toEqual([
    [
      'Kustomization flux-system/prod-web',
      'ConfigMap web',
      'Role monitoring/web',
      ['Deployment web', ['ReplicaSet web-b', 'Pod web-b-1', 'Pod web-b-2'], ['ReplicaSet web-a', 'Pod web-a-1']],
      ['CronJob report', ['Job report-1', 'Pod report-1-x']],
      'Ingress web',
    ],
  ]);
});

test('an object of the same name in another namespace is another one', () => {
  const state: AppState = {
    ...app,
    flux: [flux('Kustomization', 'prod-web')],
    workloads: [workload('Deployment', 'web')],
    inventories: [inventory('Kustomization', 'prod-web', 'Deployment monitoring web', 'Deployment shop web')],
  };
  const [applier] = treeOf(state);
  expect(applier?.children.map(({ namespace, word }) => [namespace, word])).toEqual([
    ['monitoring', undefined],
    [undefined, 'Healthy'],
  ]);
});

test('without a list of its own, the last of Flux has what runs; a chart stands below who applied it', () => {
  const state: AppState = {
    ...app,
    flux: [flux('Kustomization', 'prod-web'), flux('HelmRelease', 'web')],
    workloads: [workload('StatefulSet', 'db')],
    pods: [pod('db-0', 'StatefulSet/db'), pod('alone')],
    inventories: [inventory('Kustomization', 'prod-web', 'HelmRelease flux-system web')],
  };
  expect(shape(treeOf(state))).toEqual([
    [
      'Kustomization flux-system/prod-web',
      ['HelmRelease flux-system/web', ['StatefulSet db', 'Pod db-0'], 'Pod alone'],
    ],
  ]);
  expect(shape(treeOf({ ...state, flux: [], inventories: [] }))).toEqual([['StatefulSet db', 'Pod db-0'], 'Pod alone']);
});

test('objects of Flux that name each other, or themselves, end', () => {
  const state: AppState = {
    ...app,
    flux: [flux('Kustomization', 'a'), flux('Kustomization', 'b')],
    inventories: [
      inventory('Kustomization', 'a', 'Kustomization flux-system a', 'Kustomization flux-system b'),
      inventory('Kustomization', 'b', 'Kustomization flux-system a'),
    ],
  };
  expect(shape(treeOf(state))).toEqual([['Kustomization flux-system/a', 'Kustomization flux-system/b']]);
});

test('an autoscaler stands where Flux applied it, else below what it scales', () => {
  const autoscalers = [{ name: 'web', min: 1, max: 3, desired: 2 }];
  const state: AppState = {
    ...app,
    flux: [flux('Kustomization', 'a')],
    workloads: [workload('Deployment', 'web', { autoscalers })],
    inventories: [inventory('Kustomization', 'a', 'Deployment shop web')],
  };
  expect(shape(treeOf(state))).toEqual([
    ['Kustomization flux-system/a', ['Deployment web', 'HorizontalPodAutoscaler web']],
  ]);
  const both = inventory('Kustomization', 'a', 'Deployment shop web', 'HorizontalPodAutoscaler shop web');
  expect(shape(treeOf({ ...state, inventories: [both] }))).toEqual([
    ['Kustomization flux-system/a', 'Deployment web', 'HorizontalPodAutoscaler web'],
  ]);
});

test('what is left out is counted', () => {
  const many = { ...inventory('Kustomization', 'a', 'ConfigMap shop web'), omitted: 7 };
  const [top, rest] = treeOf({ ...app, flux: [flux('Kustomization', 'a')], inventories: [many], omittedPods: 3 });
  expect([top?.omitted, rest?.omitted]).toEqual([7, 3]);
});
