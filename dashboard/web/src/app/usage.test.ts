import { expect, test } from 'vitest';
import { Problem } from '~/api/http';
import { nextLook } from './Usage';

test('what could not be asked once is asked again, what is refused or not measured is not', () => {
  const failed = (status: number) => nextLook({ error: new Problem(status, 'R', 'no'), data: [] });
  for (const status of [0, 502, 503]) expect(failed(status)).toBe(15_000);
  for (const status of [403, 404]) expect(failed(status)).toBe(false);
  expect(nextLook({ error: null, data: [] })).toBe(15_000);
  expect(nextLook({ error: null, data: null })).toBe(false);
});
