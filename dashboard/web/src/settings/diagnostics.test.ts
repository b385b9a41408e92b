import { expect, it } from 'vitest';
import { lastFaults, noteFault } from '~/api/faults';
import { bundleOf, type Known, withoutSecrets } from './diagnostics';

const fault = (detail: string) => ({
  time: '2026-11-26T12:00:00Z',
  method: 'GET',
  path: '/api/v1/overview?namespace=team',
  status: 502,
  reason: 'ApiError',
  detail,
});

const known: Known = {
  time: '2026-11-26T12:00:00Z',
  config: { version: '0.1.0', readOnly: false, cluster: 'hub-1' },
  operator: '0.1.0',
  agents: [{ environment: 'team/prod-us', agent: '0.1.0', flux: '2.9.0', lastContact: '2026-11-26T11:59:00Z' }],
  me: { user: 'ada', groups: ['dev'], expires: null },
  rights: [
    {
      question: { verb: 'create', resource: 'releases', namespace: 'team' },
      right: { allowed: false, text: 'needs `create releases`' },
    },
  ],
  faults: [fault('refused')],
  preferences: { singleKeys: true, dense: false, splitDiff: false, stars: ['team/shop'], panelWidth: 760 },
  browser: { agent: 'Firefox', languages: ['en'], zone: 'UTC', width: 1, height: 2, online: true },
  page: '/settings',
};

it('the bundle has versions, who asks, flags, rights, errors and the browser', () => {
  const bundle = JSON.parse(bundleOf(known));
  expect(Object.keys(bundle)).toEqual([
    'time',
    'versions',
    'cluster',
    'flags',
    'whoami',
    'rights',
    'errors',
    'page',
    'browser',
  ]);
  expect(bundle.versions.operator).toBe('0.1.0');
  expect(bundle.whoami.groups).toEqual(['dev']);
  expect(bundle.rights[0]).toMatchObject({ verb: 'create', resource: 'releases', allowed: false });
  expect(bundle.errors[0]).toMatchObject({ status: 502, detail: 'refused' });
});

it('what is not named does not come along, and what looks like a secret goes', () => {
  const token = `eyJ${'a'.repeat(20)}.${'b'.repeat(20)}.${'c'.repeat(20)}`;
  const text = bundleOf({
    ...known,
    me: { ...known.me, token } as Known['me'],
    config: { ...known.config, session: 'a-cookie' } as unknown as Known['config'],
    faults: [fault(`Authorization: Bearer ${token}`), fault('cloning https://ada:hunter2@git.example.com failed')],
  });
  for (const secret of [token, 'a-cookie', 'hunter2', 'token', 'stars']) expect(text).not.toContain(secret);
});

it.each([
  [`token ghp_${'a'.repeat(36)} is old`, 'token … is old'],
  ['Bearer abcdefgh12345678', 'Bearer…'],
  ['see https://git.example.com/acme', 'see https://git.example.com/acme'],
  ['https://ada:pw@git.example.com/', 'https://…git.example.com/'],
  ['https://0123456789abcdef@git.example.com/', 'https://…git.example.com/'],
  ['GET /x?private_token=abc&page=2', 'GET /x?private_token=…&page=2'],
  ['password: hunter2 was wrong', 'password: … was wrong'],
  ['-----BEGIN OPENSSH PRIVATE KEY-----\nabc', '…'],
])('%s', (text, wanted) => {
  expect(withoutSecrets(text)).toBe(wanted);
});

it('the last twenty faults are kept, without what was looked for', () => {
  for (let n = 0; n < 30; n++) noteFault(fault(`${n}`));
  expect(lastFaults()).toHaveLength(20);
  expect(lastFaults().at(-1)).toMatchObject({ path: '/api/v1/overview', detail: '29' });
});
