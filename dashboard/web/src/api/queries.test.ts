import { MutationObserver, QueryObserver } from '@tanstack/react-query';
import { expect, test, vi } from 'vitest';
import { Problem } from './http';
import { newQueries } from './queries';

test('whoever is refused after all is asked for rights anew, whatever was tried', async () => {
  const queries = newQueries();
  const asks = vi.fn(() => Promise.resolve(true));
  const rights = new QueryObserver(queries, { queryKey: ['right', 'a'], queryFn: asks, staleTime: 60_000 });
  const leave = rights.subscribe(() => {});
  await vi.waitFor(() => expect(asks).toHaveBeenCalledTimes(1));
  const tried = (status: number) =>
    new MutationObserver(queries, { mutationFn: () => Promise.reject(new Problem(status, 'R', 'no')) })
      .mutate()
      .catch(() => undefined);
  await tried(409);
  expect(asks).toHaveBeenCalledTimes(1);
  await tried(403);
  await vi.waitFor(() => expect(asks).toHaveBeenCalledTimes(2));
  leave();
});
