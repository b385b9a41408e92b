import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { makeCredentials, makeNamespace } from '~/api/groundwork';
import { Problem, post, sentence, withQuery } from '~/api/http';
import { type Environment, pathOf } from '~/api/kinds';
import type { Word } from '~/domain/words';
import type { Draft } from './draft';
import { environmentOf } from './objects';
import { credentialsOf, type Secrets } from './secrets';

/** How far an object is. */
export interface Line {
  what: string;
  word: Word;
  text: string;
}

interface Order {
  draft: Draft;
  secrets: Secrets;
  /** The namespace is known to be there. */
  known: boolean;
}

/** Makes namespace, Secret and Environment, in this order, as the caller, and says of each what became of it. */
export function useCreate(done: () => void) {
  const queries = useQueryClient();
  const [lines, setLines] = useState<Line[]>([]);
  // What an earlier try has made is not made again.
  const made = useRef(new Set<string>());

  const act = async ({ draft, secrets, known }: Order) => {
    const { name, namespace, secret, way } = draft;
    const told: Line[] = [];
    const tell = (line: Line) => {
      const at = told.findIndex(({ what }) => what === line.what);
      if (at < 0) told.push(line);
      else told[at] = line;
      setLines([...told]);
    };
    const step = async (what: string, work: () => Promise<[Word, string]>) => {
      tell({ what, word: 'Progressing', text: '' });
      try {
        const [word, text] = await work();
        tell({ what, word, text });
      } catch (error) {
        tell({ what, word: 'Failed', text: sentence(error) });
        throw error;
      }
    };
    const object = environmentOf(draft);
    const collection = pathOf('environments', namespace);
    await step(`Namespace ${namespace}`, async () => {
      if (known) return ['Healthy', 'is there'];
      try {
        const { made } = await makeNamespace(namespace);
        return ['Healthy', made ? 'made' : 'is there'];
      } catch (error) {
        // Whoever may make no namespaces can still use one: what follows fails where it is not there.
        if (error instanceof Problem && error.status === 403)
          return ['Ended', `taken as being there: you may not make it (${error.detail})`];
        throw error;
      }
    });
    await step(`Environment ${name}`, async () => {
      // The API server judges it before anything else is written.
      await post(withQuery(collection, { dryRun: 'All' }), object);
      return ['Progressing', 'can be made'];
    });
    await step(`Secret ${secret}`, async () => {
      const id = `${namespace}/${secret}`;
      if (way === 'there') return ['Ended', 'is taken as it is'];
      if (made.current.has(id)) return ['Healthy', 'made before'];
      const credentials = credentialsOf(way, secrets);
      if (!credentials) throw new Error('The credentials are missing: give them in step 2.');
      const { authorities } = secrets;
      await makeCredentials({ namespace, name: secret, environment: name, credentials, authorities });
      made.current.add(id);
      return ['Healthy', 'made'];
    });
    await step(`Environment ${name}`, async () => {
      await post<Environment>(collection, object);
      return ['Healthy', 'made'];
    });
  };

  const mutation = useMutation({
    mutationFn: act,
    // What is secret is not kept with what was done.
    gcTime: 0,
    onSuccess: () => {
      mutation.reset();
      void queries.invalidateQueries({ queryKey: ['namespaces'] });
      done();
    },
  });
  return { lines, begin: mutation.mutate, busy: mutation.isPending };
}
