/** What a person has typed, and what it was typed over. It outlives a reload, and nobody's edit takes it away. */

import { useCallback, useEffect, useState } from 'react';
import type { SourceFile } from '~/api/views';
import { type Merge, mergeTexts } from './change';

export interface Base {
  /** Git's id of the content; none where there was no file. */
  blob?: string;
  content: string;
}

export interface Draft {
  base: Base;
  text: string;
  /** The ids that own commits have replaced: whoever still reads one of them reads an older state than `base`. */
  replaced?: (string | undefined)[];
}

const PREFIX = 'gimlet.draft:';

function kept(key: string): Draft | undefined {
  try {
    const found = JSON.parse(sessionStorage.getItem(PREFIX + key) ?? 'null') as Draft | null;
    const { base, text } = found ?? {};
    return typeof text === 'string' && typeof base?.content === 'string' ? { base, text } : undefined;
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
  /** Goes on from what an own commit has put on the branch, though it may be read a little later. */
  take: (committed: Base, from: string | undefined) => void;
  /** Believes what is read again, after somebody else was told to have changed the file. */
  doubt: () => void;
}

const isOlder = (read: Base | undefined, draft: Draft | undefined) =>
  read !== undefined && (draft?.replaced?.includes(read.blob) ?? false);

/** Puts a draft onto an own commit; what was typed meanwhile stays. */
export function taken(draft: Draft, committed: Base, from: string | undefined): Draft {
  // Made from something else, or seen already.
  if (draft.base.blob !== from || draft.base.blob === committed.blob) return draft;
  const text = draft.text === draft.base.content ? committed.content : draft.text;
  return { base: committed, text, replaced: [...(draft.replaced ?? []), draft.base.blob] };
}

/** Follows a file. `key` names it; `fresh` is what a new file begins with. */
export function useDraft(key: string, file: SourceFile | undefined, loaded: boolean, fresh: string): Drafting {
  const read: Base | undefined = loaded ? { blob: file?.blob, content: file?.content ?? '' } : undefined;
  const [known, setKnown] = useState<{ key: string; draft: Draft | undefined }>({ key, draft: kept(key) });
  let { draft } = known;
  if (known.key !== key) {
    draft = kept(key);
    setKnown({ key, draft });
  } else if (draft?.replaced && read && !isOlder(read, draft)) {
    // What is read is as new as the own commit: from now on whatever it says counts.
    draft = { base: draft.base, text: draft.text };
    setKnown({ key, draft });
  }
  const live = isOlder(read, draft) ? draft?.base : read;
  const begun = live && { base: live, text: live.blob ? live.content : fresh };
  // Whoever has changed nothing sees what the branch has; whose change has arrived goes on from there.
  const settled = live && draft && (draft.text === draft.base.content || draft.text === live.content);
  const now: Draft = (settled && !draft?.replaced ? begun : (draft ?? begun)) ?? { base: { content: '' }, text: '' };
  const { base, text } = now;

  useEffect(() => keep(key, known.key === key ? known.draft : undefined), [key, known]);
  const put = useCallback((next: Draft) => setKnown({ key, draft: next }), [key]);

  const theirs = live && live.blob !== base.blob ? live : undefined;
  return {
    base,
    text,
    changed: text !== base.content,
    theirs,
    set: (next) => put({ ...now, text: next }),
    merge: () => {
      if (!theirs) return undefined;
      const merged = mergeTexts(text, base.content, theirs.content);
      put({ base: theirs, text: merged.text });
      return merged;
    },
    drop: () => live && put({ base: live, text: live.content }),
    take: (committed, from) => put(taken(now, committed, from)),
    doubt: () => put({ base, text }),
  };
}
