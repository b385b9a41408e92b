import { describe, expect, it } from 'vitest';
import { editsOf, mergeTexts, setCommand, summaryOf } from './change';

const command = {
  namespace: 'team',
  app: 'shop',
  environment: 'staging',
  repository: 'shop',
  message: '',
  pullRequest: false,
};

describe('edits', () => {
  const edits = editsOf(
    { values: { replicas: 1, image: { tag: 'a' }, args: [1] }, chart: { version: '1.0.0' } },
    { values: { replicas: 3, image: {}, args: [1], env: { LOG: 'debug' } }, chart: { version: '1.1.0' } },
  );

  it('are listed by value', () => {
    expect(edits.map(({ path, after }) => [path.join('.'), after])).toEqual([
      ['values.replicas', 3],
      ['values.image.tag', undefined],
      ['values.env.LOG', 'debug'],
      ['chart.version', '1.1.0'],
    ]);
    expect(summaryOf(edits)).toBe('replicas 3, without image.tag and 2 more');
    expect(summaryOf([])).toBe('comments and form');
  });

  it('are a command, where one can say them', () => {
    expect(setCommand(edits, { ...command, message: 'for the sale', pullRequest: true })).toBe(
      "gimlet app set shop -e staging replicas=3 image.tag- env.LOG=debug .chart.version=1.1.0 -n team --repository shop -m 'for the sale' --pull-request",
    );
    expect(setCommand(editsOf({ values: { a: 1 } }, { values: { a: [1] } }), command)).toBeUndefined();
    expect(setCommand(editsOf({ values: { a: 'x' } }, { values: { a: '1' } }), command)).toBeUndefined();
    expect(setCommand([], command)).toBeUndefined();
  });
});

describe('two changes of one text', () => {
  const base = 'a: 1\nb: 2\nc: 3\nd: 4\n';

  it('of different lines are merged', () => {
    const { text, conflicts } = mergeTexts('a: 9\nb: 2\nc: 3\nd: 4\n', base, 'a: 1\nb: 2\nc: 3\nd: 8\n');
    expect([text, conflicts]).toEqual(['a: 9\nb: 2\nc: 3\nd: 8\n', 0]);
  });

  it('of the same line are both kept and marked', () => {
    const { text, conflicts } = mergeTexts('a: 9\nb: 2\n', 'a: 1\nb: 2\n', 'a: 5\nb: 2\n');
    expect(conflicts).toBe(1);
    expect(text).toBe('<<<<<<< yours\na: 9\n=======\na: 5\n>>>>>>> theirs\nb: 2\n');
  });

  it('that are the same are no conflict', () => {
    expect(mergeTexts('a: 9\n', 'a: 1\n', 'a: 9\n')).toEqual({ text: 'a: 9\n', conflicts: 0 });
  });
});
