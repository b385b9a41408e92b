import { describe, expect, it } from 'vitest';
import type { Json } from './manifestText';
import { nearest, unknownKeys, unknownText } from './unknown';

const schema: Json = {
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    image: { $ref: '#/$defs/image' },
    env: { type: 'object', additionalProperties: { type: 'string' } },
    labels: { type: 'object' },
    probe: { anyOf: [{ properties: { path: {} } }, { properties: { port: {} } }] },
    hosts: { type: 'array', items: { type: 'object', properties: { name: {} } } },
    ports: { type: 'object', properties: { http: {} }, patternProperties: { '^x-': {} } },
    far: { $ref: 'https://example.com/schema.json' },
  },
  $defs: { image: { type: 'object', additionalProperties: false, properties: { tag: {}, pullPolicy: {} } } },
};

const textsOf = (values: Json, defaults?: Json) =>
  unknownKeys(schema, values, defaults).map((each) => `${each.path.join('.')}: ${unknownText(each)}`);

describe('keys that a chart does not know', () => {
  it('are told with what was meant, however deep', () => {
    expect(
      textsOf({ replica: 3, image: { pullpolicy: 'Always', digest: 'x' }, hosts: [{ name: 'a' }, { nam: 'b' }] }),
    ).toEqual([
      'replica: unknown key "replica" (did you mean "replicas"?)',
      'image.pullpolicy: unknown key "pullpolicy" (did you mean "pullPolicy"?)',
      'image.digest: unknown key "digest"',
      'hosts.1.nam: unknown key "nam" (did you mean "name"?)',
    ]);
  });

  it('are none where the schema is open, speaks of patterns, of several forms, or is elsewhere', () => {
    expect(
      textsOf({
        replicas: 1,
        env: { ANY: 'x' },
        labels: { any: 'x' },
        probe: { path: '/', port: 1 },
        ports: { 'x-admin': 1 },
        far: { any: 1 },
        '{{ .KEY }}': 1,
      }),
    ).toEqual([]);
    expect(unknownKeys(undefined, { any: 1 }, undefined)).toEqual([]);
    expect(unknownKeys({ type: 'object' }, { any: 1 }, undefined)).toEqual([]);
  });

  it('are none where the default values have them, or a chart below may', () => {
    expect(textsOf({ extra: 1, image: { digest: 'x' } }, { extra: 0, image: { digest: '' } })).toEqual([]);
    expect(textsOf({ postgresql: { enabled: true }, global: { a: 1 } })).toEqual([]);
    expect(textsOf({ imag: { tag: 'x' } })).toEqual(['imag: unknown key "imag" (did you mean "image"?)']);
  });
});

it('what is far from every name is none of them', () => {
  expect(nearest('repilcas', ['replicas', 'image'])).toBe('replicas');
  expect(nearest('resources', ['replicas', 'image'])).toBeUndefined();
  expect(nearest('ab', ['cd'])).toBeUndefined();
});
