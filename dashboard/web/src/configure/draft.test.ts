import { expect, test } from 'vitest';
import { blobOf } from './blob';
import { taken } from './useDraft';

test('the id of a content is that of git', async () => {
  // printf 'replicas: 3\n' | git hash-object --stdin
  expect(await blobOf('', undefined)).toBe('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391');
  expect(await blobOf('', 'e'.repeat(64))).toBe('473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813');
});

test('an own commit is what is edited from then on, and what was typed meanwhile stays', () => {
  const base = { blob: 'a', content: 'one' };
  const committed = { blob: 'b', content: 'two' };
  expect(taken({ base, text: 'two' }, committed, 'a')).toEqual({ base: committed, text: 'two', replaced: ['a'] });
  expect(taken({ base, text: 'three' }, committed, 'a').text).toBe('three');
  expect(taken({ base, text: 'one' }, committed, 'a').text).toBe('two');
});

test('a commit of something else than what is edited changes nothing', () => {
  const draft = { base: { blob: 'c', content: 'new' }, text: 'mine' };
  expect(taken(draft, { blob: 'b', content: 'two' }, 'a')).toBe(draft);
  expect(taken(draft, { blob: 'c', content: 'new' }, 'c')).toBe(draft);
});

test('each id that own commits have replaced is remembered until something newer is read', () => {
  const once = taken({ base: { content: '' }, text: 'one' }, { blob: 'a', content: 'one' }, undefined);
  const twice = taken({ ...once, text: 'two' }, { blob: 'b', content: 'two' }, 'a');
  expect(twice).toEqual({ base: { blob: 'b', content: 'two' }, text: 'two', replaced: [undefined, 'a'] });
});
