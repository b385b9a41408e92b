/** How the page asks the server, and what it asks again. */

import { MutationCache, QueryClient } from '@tanstack/react-query';
import { Problem } from './http';

const isRefusal = (error: unknown) => error instanceof Problem && error.status === 403;

/** Tells what stays refused from what did not answer, and may answer next time. */
export const staysRefused = (error: unknown) => error instanceof Problem && error.status >= 400 && error.status < 500;

/** Makes what holds the answers of the server. */
export function newQueries(): QueryClient {
  const queries = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: (count, error) => count < 2 && !staysRefused(error),
      },
    },
    mutationCache: new MutationCache({
      // Whoever is refused after all has other rights than the page thinks.
      onError: (error) => {
        if (isRefusal(error)) void queries.invalidateQueries({ queryKey: ['right'] });
      },
    }),
  });
  return queries;
}
