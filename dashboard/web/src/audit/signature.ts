/** What the signature of a commit says, in words. Pure. */

import type { Release } from '~/api/kinds';
import type { Signature } from '~/api/views';
import type { Word } from '~/domain/words';
import type { LogEntry } from './log';

interface Told {
  word: Word;
  text: string;
  /** A sentence, with what to do about it. */
  why: string;
}

const told: Record<Signature, Told> = {
  Own: { word: 'Healthy', text: 'signed', why: 'Signed with the key that the environment signs with now.' },
  Other: {
    word: 'Unknown',
    text: 'other key',
    why: 'The signature names another key than the environment signs with now: an older one, that of the git host, or of a person. It is not checked here.',
  },
  Invalid: {
    word: 'Failed',
    text: 'not valid',
    why: 'The commit is not what was signed, or its signature cannot be read: find out who wrote it.',
  },
  Unsigned: {
    word: 'Drifted',
    text: 'unsigned',
    why: 'Not signed. Where releases are to be signed, set a signing key in the environment.',
  },
};

const unknown: Told = {
  word: 'Unknown',
  text: 'unknown',
  why: 'Whether it is signed is not known here: the operator has not this commit at hand.',
};

/** Says what is known of the signature of an entry. */
export const signatureOf = ({ signature }: LogEntry): Told => (signature && told[signature]) || unknown;

export interface Link {
  word: Word;
  text: string;
}

const short = (id: string) => id.replace(/^sha256:/, '').slice(0, 12);

/** Compares what a release recorded with its commit in git: digest of the plan, tree and commit. */
export function chainOf(entry: LogEntry, release: Release | undefined): Link[] {
  const { why, word } = signatureOf(entry);
  const links: Link[] = [{ word, text: why }];
  if (!entry.release) {
    links.push({ word: 'Drifted', text: 'No release made it: a person did, or another program.' });
    return links;
  }
  if (!release) {
    links.push({ word: 'Unknown', text: `The Release ${entry.release} is gone: git alone has its record.` });
    return links;
  }
  const { commit, plan } = release.status ?? {};
  links.push(
    commit?.sha === entry.commit
      ? { word: 'Healthy', text: `The Release ${entry.release} records this commit.` }
      : {
          word: 'Failed',
          text: `The Release ${entry.release} records ${commit ? `the commit ${commit.short}` : 'no commit'}, not this one.`,
        },
  );
  links.push(
    plan
      ? {
          // Told, not compared: the files are looked at in a clone.
          word: 'Ended',
          text: `It was planned as digest ${short(plan.digest)} and tree ${short(plan.tree)}${
            release.status?.approvedBy?.length ? `, approved by ${release.status.approvedBy.join(', ')}` : ''
          }.`,
        }
      : { word: 'Unknown', text: 'Its plan is not recorded any more.' },
  );
  return links;
}

/** Returns the command that checks a commit in a clone, its files too. */
export const verifyCommand = (commit: string, path: string | undefined) =>
  `gimlet audit verify gitops ${commit}~1..${commit}${path ? ` --path ${path}` : ''} --allowed-signers allowed_signers`;
