import { useQuery } from '@tanstack/react-query';
import { askRights, type Right, type RightQuestion, readConfig, readMe } from './server';

export const useConfig = () => useQuery({ queryKey: ['config'], queryFn: readConfig, staleTime: 300_000 });
export const useMe = () => useQuery({ queryKey: ['me'], queryFn: readMe, staleTime: 60_000, retry: false });

interface Waiting {
  question: RightQuestion;
  resolve: (right: Right) => void;
  reject: (error: unknown) => void;
}

let waiting: Waiting[] = [];

/** Asks for a right; what a page asks at once goes in one request. */
function askRight(question: RightQuestion): Promise<Right> {
  return new Promise((resolve, reject) => {
    if (waiting.length === 0) setTimeout(askAll, 5);
    waiting.push({ question, resolve, reject });
  });
}

async function askAll() {
  const batch = waiting;
  waiting = [];
  try {
    const rights = await askRights(batch.map(({ question }) => question));
    batch.forEach(({ resolve, reject }, index) => {
      const right = rights[index];
      if (right) resolve(right);
      else reject(new Error('the server did not answer every question about rights'));
    });
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

const unknown: Right = { allowed: false, text: 'It is not known yet whether you may do this.' };

/** Tells whether the caller may do something, and if not, the sentence that says why. */
export function useRight(question: RightQuestion): Right {
  const config = useConfig();
  const right = useQuery({
    queryKey: ['right', question],
    queryFn: () => askRight(question),
    staleTime: 60_000,
    refetchInterval: 60_000,
  });
  if (config.data?.readOnly && !['get', 'list', 'watch'].includes(question.verb)) {
    return { allowed: false, text: 'This dashboard only shows: it was started with --read-only.' };
  }
  return right.data ?? unknown;
}

/** The right to create releases, which release, promote and rollback need. */
export const toRelease = (namespace: string): RightQuestion => ({ verb: 'create', resource: 'releases', namespace });

/** The right to see which repositories there are, whose hosts know how CI went. */
export const toReadRepositories = (namespace: string): RightQuestion => ({
  verb: 'list',
  resource: 'repositories',
  namespace,
});

/** The right to create sets of releases, which are committed together. */
export const toReleaseTogether = (namespace: string): RightQuestion => ({
  verb: 'create',
  resource: 'releasesets',
  namespace,
});
