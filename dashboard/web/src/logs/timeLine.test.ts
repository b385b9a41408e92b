import { expect, test } from 'vitest';
import type { Release } from '~/api/kinds';
import { happeningsOf } from './useTimeLine';

test('events with a time and the steps of releases are what happened', () => {
  const event = { warning: true, reason: 'BackOff', object: 'Pod/web-1', message: 'restarts', count: 7 };
  const release: Release = {
    apiVersion: 'gimlet.io/v1alpha1',
    kind: 'Release',
    metadata: { name: 'web-x', namespace: 'team' },
    spec: { app: 'web', environment: 'prod' },
    status: { version: 'v2', timestamps: { committed: '2026-01-01T00:00:01Z' } },
  };
  expect(happeningsOf([{ ...event, time: '2026-01-01T00:00:02Z' }, event], [release])).toMatchObject([
    { text: 'BackOff Pod/web-1 ×7: restarts', warning: true },
    { text: 'release web-x v2 committed', warning: false },
  ]);
});
