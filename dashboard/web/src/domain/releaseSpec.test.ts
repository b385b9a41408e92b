import { expect, test } from 'vitest';
import type { Phase, Release } from '~/api/kinds';
import { actAgain, again, cliCommand, kubectlCreate, newRelease, quoted } from './releaseSpec';

const order = {
  namespace: 'team',
  app: 'shop',
  environment: 'prod-eu',
  source: { artifact: { name: 'shop-1f0c2a9b3d' } },
};

test('a release has what was asked for and nothing else', () => {
  expect(newRelease({ ...order, reason: ' hotfix ', requestedBy: 'ada', expectedBase: undefined })).toEqual({
    apiVersion: 'gimlet.io/v1alpha1',
    kind: 'Release',
    metadata: { generateName: 'shop.prod-eu-', namespace: 'team' },
    spec: {
      app: 'shop',
      environment: 'prod-eu',
      artifact: { name: 'shop-1f0c2a9b3d' },
      reason: 'hotfix',
      requestedBy: 'ada',
    },
  });
});

test('the command line does the same', () => {
  const { spec } = newRelease({ ...order, reason: "it's urgent", expectedBase: 'a1b2c3d' });
  expect(cliCommand('team', spec)).toBe(
    `gimlet release shop -e prod-eu --artifact shop-1f0c2a9b3d -n team --reason 'it'\\''s urgent' --expect-base a1b2c3d`,
  );
  const back = newRelease({ ...order, source: { rollbackTo: { release: 'shop.prod-eu-x7k2' } }, reason: '500s' });
  expect(cliCommand('team', back.spec)).toBe(
    'gimlet rollback shop -e prod-eu --to shop.prod-eu-x7k2 -n team --reason 500s',
  );
  const promote = newRelease({ ...order, source: { promoteFrom: { environment: 'staging' } } });
  expect(cliCommand('team', promote.spec)).toBe('gimlet promote shop --from staging --to prod-eu -n team');
});

test('there is no command for a release that needs a file', () => {
  expect(cliCommand('team', newRelease({ ...order, source: { manifest: {} } }).spec)).toBeUndefined();
});

test('a word is quoted where a shell would read more into it', () => {
  expect(quoted('plain-1.2/x')).toBe('plain-1.2/x');
  expect(quoted('$(rm)')).toBe("'$(rm)'");
  expect(quoted('')).toBe("''");
});

test('a copy of a release is not cancelled, confirmed or part of a set', () => {
  const release = {
    apiVersion: 'gimlet.io/v1alpha1',
    kind: 'Release',
    metadata: { name: 'shop.prod-eu-x', namespace: 'team' },
    spec: { ...order.source, app: 'shop', environment: 'prod-eu', cancel: true, confirm: true, set: 's' },
  } satisfies Release;
  expect(again(release).spec).toEqual({ app: 'shop', environment: 'prod-eu', artifact: { name: 'shop-1f0c2a9b3d' } });
});

test('what did not come about, or was only planned, can be tried again', () => {
  const of = (spec: Partial<Release['spec']>, phase: Phase, planOnly = false): Release => ({
    apiVersion: 'gimlet.io/v1alpha1',
    kind: 'Release',
    metadata: { name: 'shop.prod-x', namespace: 'team' },
    spec: { app: 'shop', environment: 'prod', planOnly, ...spec },
    status: { phase },
  });
  const { artifact } = order.source;
  const place = { namespace: 'team', app: 'shop' };
  const release = { ...place, kind: 'release', environments: ['prod'], artifact: artifact.name };
  expect(actAgain(of({ artifact }, 'Failed'))).toEqual(release);
  expect(actAgain(of({ artifact }, 'Planned', true))).toEqual(release);
  expect(actAgain(of({ artifact }, 'Healthy'))).toBeUndefined();
  expect(actAgain(of({ artifact: { ...artifact, namespace: 'other' } }, 'Failed'))).toBeUndefined();
  expect(actAgain(of({ promoteFrom: { environment: 'staging' } }, 'Superseded'))).toEqual({
    ...place,
    kind: 'promote',
    environments: ['prod'],
    from: 'staging',
  });
  expect(actAgain(of({ rollbackTo: { commit: 'a1b2c3d' } }, 'Cancelled'))).toEqual({
    ...place,
    kind: 'rollback',
    environment: 'prod',
    to: 'a1b2c3d',
  });
  expect(actAgain(of({ manifest: {} }, 'Failed')), 'a manifest of its own').toBeUndefined();
});

test('kubectl reads the object from its input', () => {
  expect(kubectlCreate('team', 'kind: Release\n')).toBe("kubectl create -n team -f - <<'EOF'\nkind: Release\nEOF");
});
