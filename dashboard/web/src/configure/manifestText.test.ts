import { describe, expect, it } from 'vitest';
import { faultsOf, findManifest, keysIn, lineOf, placeOf, setValue, valueAt } from './manifestText';

const FILE = `# who owns it: team shop
app: shop
env: staging
namespace: shop
chart: {name: app}
values:
  replicas: 1   # keep it small
  image:
    repository: ghcr.io/acme/shop
    tag: "{{ .SHA }}"   # CI sets it

  # Told by Ada.
  env:
    LOG: 'info'
  args: [ "a",   'b' ]
---
# another one
app: shop
env: production
namespace: shop
chart: {name: app}
values: {replicas: 2, port: 80}
`;

/** Lines that differ, as a set of pairs would show them. */
const difference = (before: string, after: string | undefined) => {
  const old = before.split('\n');
  const now = (after ?? '').split('\n');
  return {
    gone: old.filter((line) => !now.includes(line)),
    come: now.filter((line) => !old.includes(line)),
  };
};

describe('a manifest in its file', () => {
  it('is found among several by app and environment', () => {
    expect(findManifest(FILE, 'shop', 'production')?.at).toBe(1);
    expect(findManifest(FILE, 'shop', 'dev')).toBeUndefined();
    const found = findManifest(FILE, 'shop', 'staging');
    expect(valueAt(found?.value, ['values', 'image', 'tag'])).toBe('{{ .SHA }}');
    expect(valueAt(found?.value, ['values', 'toString'])).toBeUndefined();
  });

  it('says where it is broken', () => {
    expect(faultsOf('a: [1\nb: 2')[0]?.message).toBeTruthy();
    expect(faultsOf(FILE)).toEqual([]);
  });

  it('knows the place of a value, or of the nearest parent', () => {
    expect(FILE.slice(placeOf(FILE, 0, ['values', 'replicas'])).startsWith('1   # keep')).toBe(true);
    expect(FILE.slice(placeOf(FILE, 0, ['values', 'image', 'none'])).startsWith('repository')).toBe(true);
  });
});

describe('the key of a value', () => {
  it('is found in its document, with its line', () => {
    const paths = [['values', 'image', 'tag'], ['values', 'args', '1'], ['values', 'image', 'none'], ['none'], []];
    const found = keysIn(FILE, 0, paths);
    const texts = found.map(({ from, to }) => FILE.slice(from, to));
    expect(texts).toEqual(['tag', "'b'", 'image', '', '']);
    expect(found.map(({ from }) => lineOf(FILE, from))).toEqual([10, 15, 8, 2, 2]);
    expect(keysIn(FILE, 1, [['values', 'port']]).map(({ from }) => lineOf(FILE, from))).toEqual([22]);
    expect(keysIn('', 3, [['values']])).toEqual([{ from: 0, to: 0 }]);
  });
});

describe('a value', () => {
  it('is replaced alone: comments, quotes and spaces stay', () => {
    expect(difference(FILE, setValue(FILE, 0, ['values', 'replicas'], 3))).toEqual({
      gone: ['  replicas: 1   # keep it small'],
      come: ['  replicas: 3   # keep it small'],
    });
    expect(difference(FILE, setValue(FILE, 0, ['values', 'image', 'tag'], 'v2')).come).toEqual([
      '    tag: "v2"   # CI sets it',
    ]);
    expect(difference(FILE, setValue(FILE, 0, ['values', 'env', 'LOG'], "it's")).come).toEqual(["    LOG: 'it''s'"]);
  });

  it('stays the type that it is', () => {
    const text = setValue(FILE, 0, ['values', 'image', 'repository'], '1.10');
    expect(difference(FILE, text).come).toEqual(['    repository: "1.10"']);
  });

  it('that is new comes after its brothers, with its parents where they are missing', () => {
    const tag = setValue(FILE, 0, ['values', 'image', 'pullPolicy'], 'Always');
    expect(tag).toContain('# CI sets it\n    pullPolicy: Always\n\n  # Told by Ada.');
    const text = setValue(FILE, 0, ['values', 'ingress', 'host'], 'shop.example.com');
    expect(text).toContain("'b' ]\n  ingress:\n    host: shop.example.com\n---\n# another");
  });

  it('of a map in one line stays in that line', () => {
    const text = setValue(FILE, 1, ['values', 'port'], 8080);
    expect(difference(FILE, text).come).toEqual(['values: {replicas: 2, port: 8080}']);
    const more = setValue(FILE, 1, ['values', 'kind'], 'web');
    expect(difference(FILE, more).come).toEqual(['values: {replicas: 2, port: 80, kind: web}']);
  });

  it('is taken out with its line, and with parents that would be empty', () => {
    const text = setValue(FILE, 0, ['values', 'env', 'LOG'], undefined);
    expect(difference(FILE, text)).toEqual({ gone: ['  env:', "    LOG: 'info'"], come: [] });
    expect(difference(FILE, setValue(FILE, 1, ['values', 'replicas'], undefined)).come).toEqual(['values: {port: 80}']);
    expect(difference(FILE, setValue(FILE, 1, ['values', 'port'], undefined)).come).toEqual(['values: {replicas: 2}']);
  });

  it('fills a key that had none', () => {
    const bare = 'app: a\nenv: b\nvalues:\nnamespace: c\n';
    expect(setValue(bare, 0, ['values', 'replicas'], 2)).toBe('app: a\nenv: b\nvalues:\n  replicas: 2\nnamespace: c\n');
    expect(setValue('app: a\nenv: b', 0, ['values', 'x'], true)).toBe('app: a\nenv: b\nvalues:\n  x: true\n');
  });

  it('is left to people where the form would change something else', () => {
    expect(setValue(FILE, 0, ['values', 'args'], 'x')).toBeUndefined();
    expect(setValue('a: &x {b: 1}\nc: *x\n', 0, ['a', 'b'], 2)).toBeUndefined();
    expect(setValue('a: [1\n', 0, ['a'], 2)).toBeUndefined();
  });

  it('in many lines is replaced as a whole', () => {
    const text = 'values:\n  text: |\n    one\n    two\n  after: 1\n';
    expect(setValue(text, 0, ['values', 'text'], 'x')).toBe('values:\n  text: x\n  after: 1\n');
    expect(setValue(text, 0, ['values', 'text'], undefined)).toBe('values:\n  after: 1\n');
  });
});

it('a star that is not quoted is a fault, and nothing that breaks', () => {
  const text = 'app: shop\nenv: prod\nvalues:\n  schedule: */5\n';
  expect(findManifest(text, 'shop', 'prod')).toBeUndefined();
  expect(setValue(text, 0, ['values', 'replicas'], 3)).toBeUndefined();
  expect(faultsOf(text)).toHaveLength(1);
  expect(faultsOf(text.replace('*/5', '"*/5"'))).toEqual([]);
});
