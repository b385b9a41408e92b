/** How the page asks the server, and what it asks again. */

import { MutationCache, QueryClient } from '@tanstack/react-query';
import { Problem } from './http';

const isRefusal = (error: unknown) => error instanceof Problem && error.status === 403;

/** Makes what holds the answers of the server. */
export function newQueries(): QueryClient {
  const queries = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        // What was refused stays refused; what did not answer may answer next time.
        retry: (count, error) => count < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
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
