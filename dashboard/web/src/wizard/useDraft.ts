import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { type Draft, draftOf, holdsCredentials, type Step, stepOf } from './draft';

/** Parameters of the URL that a draft stands in. */
const NAMES = [
  'name',
  'in',
  'url',
  'branch',
  'make',
  'public',
  'by',
  'secret',
  'whole',
  'path',
  'pulls',
  'provider',
  'api',
  'flux',
  'elsewhere',
  'reads',
  'at',
  'app',
  'image',
  'port',
  'target',
] as const;

export type Change = Partial<Record<(typeof NAMES)[number], string | undefined>>;

export interface Wizard {
  step: Step;
  draft: Draft;
  set: (change: Change) => void;
  go: (step: Step) => void;
}

/** Holds what was chosen. What is typed is shown at once, and stands in the URL a moment later. */
export function useDraft(): Wizard {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const [held, hold] = useState<Change>(() => Object.fromEntries(NAMES.map((name) => [name, search[name]])));
  const differs = NAMES.some((name) => (held[name] || undefined) !== search[name]);
  useEffect(() => {
    if (!differs) return;
    const timer = setTimeout(() => {
      void navigate({ to: '.', replace: true, search: (old) => ({ ...old, ...written(held) }) });
    }, 150);
    return () => clearTimeout(timer);
  }, [differs, held, navigate]);
  return {
    step: stepOf(search),
    draft: draftOf(given(held)),
    set: (change) => hold((old) => ({ ...old, ...change })),
    go: (step) => void navigate({ to: '.', search: (old) => ({ ...old, ...written(held), step }) }),
  };
}

const given = (held: Change): Change => Object.fromEntries(NAMES.map((name) => [name, held[name] || undefined]));

/** Returns what goes into the URL of the page: an address with credentials in it does not. */
export function written(held: Change): Change {
  const all = given(held);
  return holdsCredentials(all.url ?? '') ? { ...all, url: undefined } : all;
}
