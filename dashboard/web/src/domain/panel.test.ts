import { expect, test } from 'vitest';
import { closed, panelFromText, panelToText, withPanel } from './panel';

const panel = { tab: 'logs', namespace: 'team', app: 'shop', environment: 'prod-eu' } as const;

test('a panel stands in the URL and is read from it', () => {
  expect(panelToText(panel)).toBe('logs/team/shop/prod-eu');
  expect(panelFromText('logs/team/shop/prod-eu')).toEqual(panel);
  expect(panelFromText('tree/team/shop/prod-eu')).toEqual({ ...panel, tab: 'tree' });
  for (const text of [undefined, '', 'logs/team', 'secrets/team/shop/prod', 'logs/%E0%A4%A/shop/prod']) {
    expect(panelFromText(text)).toBeUndefined();
  }
});

test('another panel begins without what was chosen in the one before', () => {
  const search = withPanel({ ns: 'team', find: 'error', pod: 'a' }, panel, { pod: 'b' });
  expect(search).toEqual({ ...closed, ns: 'team', panel: 'logs/team/shop/prod-eu', pod: 'b' });
});
