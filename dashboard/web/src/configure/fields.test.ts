import { describe, expect, it } from 'vitest';
import { merged, sectionsOf, shownOf, titleOf, typed } from './fields';

const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    replicas: { type: 'integer', title: 'Replicas', minimum: 0 },
    image: {
      type: 'object',
      additionalProperties: false,
      properties: {
        tag: { type: 'string', pattern: '^v' },
        pullPolicy: { type: 'string', enum: ['Always', 'Never'] },
        probe: { $ref: '#/definitions/probe' },
      },
    },
    env: { type: 'object', additionalProperties: { type: ['string', 'number'] } },
    args: { type: 'array', items: { type: 'string' } },
    far: { $ref: 'https://example.com/schema.json' },
  },
  definitions: { probe: { type: 'object', properties: { path: { type: 'string' } } } },
};

describe('the settings of a schema', () => {
  it('are in sections, with kinds and references', () => {
    const sections = sectionsOf(schema);
    expect(sections.map(({ name }) => name)).toEqual(['General', 'Image']);
    expect(sections[0]?.fields.map(({ path, kind }) => `${path.join('.')} ${kind}`)).toEqual([
      'replicas number',
      'env map',
      'args yaml',
    ]);
    expect(sections[1]?.fields.map(({ label, kind }) => `${label} ${kind}`)).toEqual([
      'Tag text',
      'Pull policy choice',
      'Probe → Path text',
    ]);
    expect(sectionsOf(undefined)).toEqual([]);
    expect(titleOf('externalTrafficPolicy')).toBe('External traffic policy');
  });

  it('are found by words, and by what is set', () => {
    const sections = sectionsOf(schema);
    expect(shownOf(sections, 'pull image', undefined)[0]?.fields).toHaveLength(1);
    const set = shownOf(sections, '', (path) => path[0] === 'replicas');
    expect(set.map(({ fields }) => fields.length)).toEqual([1]);
  });

  it('read what was typed', () => {
    expect(typed('3', 'number')).toBe(3);
    expect(typed('{{ .N }}', 'number')).toBe('{{ .N }}');
    expect(typed('3', 'text')).toBe('3');
    expect(typed('', 'text')).toBeUndefined();
  });
});

describe('values', () => {
  it('are merged over the defaults as Helm does', () => {
    expect(merged({ a: 1, b: { c: 1, d: 2 }, e: [1] }, { b: { c: 5, d: null }, e: [2] })).toEqual({
      a: 1,
      b: { c: 5 },
      e: [2],
    });
  });
});
