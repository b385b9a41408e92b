import { expect, test } from 'vitest';
import type { FileChange, ObjectChange } from '~/api/views';
import { byObject, hunksOf, isNoise, pairsOf, sumOf } from './diff';

const DIFF = `--- a/deployment.yaml
+++ b/deployment.yaml
@@ -3,4 +3,5 @@ metadata:
 name: shop
-replicas: 1
+replicas: 3
+paused: false
 end: true
@@ -20 +21 @@
-old
+new
`;

test('lines are numbered on both sides', () => {
  const [first, second] = hunksOf(DIFF);
  expect(first?.lines).toEqual([
    { kind: 'same', text: 'name: shop', before: 3, after: 3 },
    { kind: 'removed', text: 'replicas: 1', before: 4 },
    { kind: 'added', text: 'replicas: 3', after: 4 },
    { kind: 'added', text: 'paused: false', after: 5 },
    { kind: 'same', text: 'end: true', before: 5, after: 6 },
  ]);
  expect(second?.lines).toEqual([
    { kind: 'removed', text: 'old', before: 20 },
    { kind: 'added', text: 'new', after: 21 },
  ]);
});

test('a line that begins with dashes inside a hunk is a removed line', () => {
  expect(hunksOf('@@ -1 +0,0 @@\n--- not a header\n')[0]?.lines).toEqual([
    { kind: 'removed', text: '-- not a header', before: 1 },
  ]);
});

test('a split view sets what replaces beside what is replaced', () => {
  const pairs = pairsOf(hunksOf(DIFF)[0]?.lines ?? []);
  expect(pairs.map(({ left, right }) => [left?.text, right?.text])).toEqual([
    ['name: shop', 'name: shop'],
    ['replicas: 1', 'replicas: 3'],
    [undefined, 'paused: false'],
    ['end: true', 'end: true'],
  ]);
});

test('a file is noise only if every changed line is bookkeeping', () => {
  const label = '@@ -1,2 +1,2 @@\n-    helm.sh/chart: app-1.0.0\n+    helm.sh/chart: app-1.1.0\n';
  expect(isNoise(hunksOf(label))).toBe(true);
  expect(isNoise(hunksOf(`${label}-image: a\n+image: b\n`))).toBe(false);
  expect(isNoise([])).toBe(false);
});

test('a plan is summed as people write it', () => {
  expect(sumOf({ added: 1, changed: 3, removed: 0 })).toBe('+1 ~3 −0 objects');
  expect(sumOf({ added: 0, changed: 1, removed: 0 })).toBe('+0 ~1 −0 object');
  expect(sumOf({ added: 0, changed: 0, removed: 0 })).toBe('no change');
});

const object = (kind: string, name: string, namespace?: string): ObjectChange => ({
  change: 'Changed',
  kind,
  name,
  namespace,
});
const file = (name: string): FileChange => ({ change: 'Changed', name, diff: '' });
const told = (objects: ObjectChange[], ...names: string[]) => {
  const { parts, rest } = byObject(objects, names.map(file));
  return [
    ...parts.map(({ object, file }) => `${object.kind}/${object.name}: ${file?.name}`),
    ...rest.map((f) => f.name),
  ];
};

test('each object has the lines of its own file, and other files stay files', () => {
  const objects = [object('Deployment', 'web'), object('Service', 'web'), object('ConfigMap', 'gone')];
  expect(told(objects, 'service-web.yaml', 'deployment-web.yaml', 'README.md')).toEqual([
    'Deployment/web: deployment-web.yaml',
    'Service/web: service-web.yaml',
    'ConfigMap/gone: undefined',
    'README.md',
  ]);
});

test('files whose names are longer go to the object that is meant, or to none', () => {
  const objects = [object('Role', 'web', 'a'), object('Role', 'web', 'b'), object('Role', 'web-api')];
  expect(told(objects, 'role-web-a.yaml', 'role-web-b.yaml', 'role-web-api.yaml')).toEqual([
    'Role/web: role-web-a.yaml',
    'Role/web: role-web-b.yaml',
    'Role/web-api: role-web-api.yaml',
  ]);
  expect(told([object('Job', 'a'), object('Job', 'a')], 'job-a-x.yaml'), 'nobody knows which').toEqual([
    'Job/a: undefined',
    'Job/a: undefined',
    'job-a-x.yaml',
  ]);
});
