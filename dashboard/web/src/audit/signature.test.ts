import { expect, it } from 'vitest';
import type { Release } from '~/api/kinds';
import type { LogEntry } from './log';
import { chainOf, signatureOf, verifyCommand } from './signature';

const entry: LogEntry = {
  namespace: 'team',
  environment: 'prod',
  commit: 'a'.repeat(40),
  time: '2026-11-26T12:00:00Z',
  subject: 's',
  action: 'release',
  release: 'shop.prod-1',
  signature: 'Own',
};

const release = (sha: string): Release => ({
  apiVersion: 'gimlet.io/v1alpha1',
  kind: 'Release',
  metadata: { name: 'shop.prod-1', namespace: 'team' },
  spec: { environment: 'prod', app: 'shop' },
  status: {
    commit: { sha, short: sha.slice(0, 7), branch: 'main', path: 'prod/shop' },
    plan: { digest: `sha256:${'d'.repeat(64)}`, tree: 'e'.repeat(40), added: 0, changed: 1, removed: 0 },
    approvedBy: ['bob'],
  },
});

it('only the own key is called signed', () => {
  const words = (['Own', 'Other', 'Invalid', 'Unsigned', undefined] as const).map((signature) => {
    const { word, text } = signatureOf({ ...entry, signature });
    return `${word}: ${text}`;
  });
  expect(words).toEqual([
    'Healthy: signed',
    'Unknown: other key',
    'Failed: not valid',
    'Drifted: unsigned',
    'Unknown: unknown',
  ]);
});

it('the chain holds where the release records the very commit', () => {
  const links = chainOf(entry, release(entry.commit));
  expect(links.map(({ word }) => word)).toEqual(['Healthy', 'Healthy', 'Ended']);
  expect(links[2]?.text).toBe('It was planned as digest dddddddddddd and tree eeeeeeeeeeee, approved by bob.');
  expect(chainOf(entry, release('b'.repeat(40)))[1]).toEqual({
    word: 'Failed',
    text: 'The Release shop.prod-1 records the commit bbbbbbb, not this one.',
  });
  expect(chainOf(entry, undefined)[1]?.text).toContain('is gone');
  expect(chainOf({ ...entry, release: undefined, signature: 'Unsigned' }, undefined).map(({ word }) => word)).toEqual([
    'Drifted',
    'Drifted',
  ]);
});

it('the command checks the one commit', () => {
  expect(verifyCommand('abc', 'prod')).toBe(
    'gimlet audit verify gitops abc~1..abc --path prod --allowed-signers allowed_signers',
  );
});
