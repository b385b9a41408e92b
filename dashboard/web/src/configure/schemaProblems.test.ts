import { describe, expect, it } from 'vitest';
import { problemsOf } from './schemaProblems';

const schema = {
  type: 'object',
  properties: {
    replicas: { type: 'integer', minimum: 0 },
    image: {
      type: 'object',
      additionalProperties: false,
      properties: { tag: { type: 'string', pattern: '^v' } },
    },
  },
};

describe('values', () => {
  it('that break the schema are named with their path, unknown keys with what was meant', () => {
    const problems = problemsOf(schema, { replicas: -1, image: { tag: 'x', tags: 1 }, replica: 2 }, {});
    expect(
      problems
        .filter(({ warning }) => !warning)
        .map(({ path }) => path.join('.'))
        .sort(),
    ).toEqual(['image.tag', 'image.tags', 'replicas']);
    const of = (path: string) => problems.filter((each) => each.path.join('.') === path);
    expect(of('image.tags').map(({ message }) => message)).toEqual(['unknown key "tags" (did you mean "tag"?)']);
    // The schema takes it, but nothing reads it.
    expect(of('replica')).toEqual([
      { path: ['replica'], message: 'unknown key "replica" (did you mean "replicas"?)', warning: true },
    ]);
  });

  it('of the chart are judged with those of the manifest, and never warned of', () => {
    expect(problemsOf(schema, undefined, { replicas: -1, extra: 1 }).map(({ path }) => path.join('.'))).toEqual([
      'replicas',
    ]);
    expect(problemsOf(undefined, { any: 1 }, {})).toEqual([]);
  });

  it('with expressions are not judged', () => {
    expect(problemsOf(schema, { replicas: '{{ .N }}', image: { tag: '{{ .SHA }}' } }, {})).toEqual([]);
  });
});
