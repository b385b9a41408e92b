/** What a person has typed, and what it was typed over. It outlives a reload, and nobody's edit takes it away. */

import { useCallback, useEffect, useState } from 'react';
import type { SourceFile } from '~/api/views';
import { type Merge, mergeTexts } from './change';

export interface Base {
  /** Git's id of the content; none where there was no file. */
  blob?: string;
  content: string;
}

interface Draft {
  base: Base;
  text: string;
}

const PREFIX = 'gimlet.draft:';

function read(key: string): Draft | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PREFIX + key) ?? 'null') as Draft | null;
    return typeof kept?.text === 'string' && typeof kept.base?.content === 'string' ? kept : undefined;
  } catch {
    return undefined;
  }
}

function keep(key: string, draft: Draft | undefined) {
  try {
    if (draft && draft.text !== draft.base.content) sessionStorage.setItem(PREFIX + key, JSON.stringify(draft));
    else sessionStorage.removeItem(PREFIX + key);
  } catch {
    // A browser without storage keeps it until the page is closed.
  }
}

export interface Drafting {
  base: Base;
  text: string;
  changed: boolean;
  /** What the branch has by now, where that is not what was edited. */
  theirs: Base | undefined;
  set: (text: string) => void;
  /** Puts both changes into the text; what cannot be decided is marked in it. */
  merge: () => Merge | undefined;
  /** Leaves the own change, and takes what the branch has. */
  drop: () => void;
}

/** Follows a file. `key` names it; `fresh` is what a new file begins with. */
export function useDraft(key: string, file: SourceFile | undefined, loaded: boolean, fresh: string): Drafting {
  const live: Base | undefined = loaded ? { blob: file?.blob, content: file?.content ?? '' } : undefined;
  const [known, setKnown] = useState<{ key: string; draft: Draft | undefined }>({ key, draft: read(key) });
  let { draft } = known;
  if (known.key !== key) {
    draft = read(key);
    setKnown({ key, draft });
  }
  const begun = live && { base: live, text: live.blob ? live.content : fresh };
  // Whoever has changed nothing sees what the branch has; whose change has arrived goes on from there.
  const settled = live && draft && (draft.text === draft.base.content || draft.text === live.content);
  const now: Draft = (settled || !draft ? begun : draft) ?? { base: { content: '' }, text: '' };
  const { base, text } = now;

  useEffect(() => keep(key, known.key === key ? known.draft : undefined), [key, known]);
  const put = useCallback((next: Draft) => setKnown({ key, draft: next }), [key]);

  const theirs = live && live.blob !== base.blob ? live : undefined;
  return {
    base,
    text,
    changed: text !== base.content,
    theirs,
    set: (next) => put({ base, text: next }),
    merge: () => {
      if (!theirs) return undefined;
      const merged = mergeTexts(text, base.content, theirs.content);
      put({ base: theirs, text: merged.text });
      return merged;
    },
    drop: () => live && put({ base: live, text: live.content }),
  };
}
