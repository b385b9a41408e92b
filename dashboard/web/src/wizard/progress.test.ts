import { describe, expect, test } from 'vitest';
import type { App, Condition, Environment } from '~/api/kinds';
import { draftOf, STEPS } from './draft';
import { faultsOfApp, firstRelease, imageOf, initCommand, releaseCommand } from './firstApp';
import { againCommand, createCommand } from './objects';
import { agentChecks, troubleOf, wordOfStep } from './progress';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const condition = (type: string, status: Condition['status'], reason: string): Condition => ({
  type,
  status,
  reason,
  message: `${type} says so`,
  lastTransitionTime: '2026-01-01T11:00:00Z',
});

function environment(conditions: Condition[], more: Partial<Environment['spec']> = {}, heard?: string): Environment {
  return {
    apiVersion: 'gimlet.io/v1alpha1',
    kind: 'Environment',
    metadata: { name: 'staging', namespace: 'team' },
    spec: { gitops: { url: 'https://github.com/acme/gitops.git', path: 'staging' }, ...more },
    status: {
      conditions,
      ...(heard ? { agent: { version: '0.1.0', cluster: 'eu-1', lastContact: heard } } : {}),
    },
  };
}

const words = (found: Environment | undefined, apps: App[] = []) =>
  STEPS.map((step) => wordOfStep(step, found, apps, NOW) ?? '-').join(' ');

describe('how far an environment is', () => {
  test('is read from its conditions', () => {
    expect(words(undefined)).toBe('- - - - - -');
    expect(words(environment([]))).toBe('Healthy Progressing Healthy - - -');
    const refused = condition('GitReady', 'False', 'Refused');
    expect(words(environment([refused]))).toBe('Healthy Failed Healthy - - -');
    const git = condition('GitReady', 'True', 'Reachable');
    expect(words(environment([git, condition('FluxReady', 'Unknown', 'NotConnected')]))).toBe(
      'Healthy Healthy Healthy - - -',
    );
    expect(words(environment([git, condition('FluxReady', 'Unknown', 'PullRequest')]))).toBe(
      'Healthy Healthy Healthy Waiting - -',
    );
    expect(words(environment([git, condition('FluxReady', 'True', 'Ready')]), [{} as App])).toBe(
      'Healthy Healthy Healthy Healthy - Healthy',
    );
  });

  test('an agent that is silent is no agent that is there', () => {
    const flux = condition('FluxReady', 'True', 'Ready');
    const checks = (heard?: string, observedBy?: 'Agent') =>
      agentChecks(environment([flux], { observedBy }, heard), NOW).map(({ word }) => word);
    expect(checks()).toEqual(['Unknown', 'Unknown', 'Unknown', 'Healthy']);
    expect(checks(undefined, 'Agent')).toEqual(['Healthy', 'Progressing', 'Unknown', 'Unknown']);
    expect(checks('2026-01-01T11:59:30Z', 'Agent')).toEqual(['Healthy', 'Healthy', 'Failed', 'Healthy']);
    expect(checks('2026-01-01T11:00:00Z', 'Agent')).toEqual(['Healthy', 'Failed', 'Unknown', 'Unknown']);
  });

  test.each([
    ['remote: GH006: Protected branch update failed', 'protected'],
    ['the requested URL returned error: 403', 'credentials'],
    ['repository not found', 'not there'],
    ['could not resolve host: git.example.com', 'cannot be reached'],
    ['x509: unknown authority', 'authorities'],
  ])('what a host says has a likely cause: %s', (message, cause) => {
    expect(troubleOf(message)?.text).toContain(cause);
  });

  test('a push that was refused is no host that cannot be reached', () => {
    const words = "server refused the push to main: commit message has no ticket: check the branch's protection";
    const refused = (words: string) => troubleOf(`server refused the push to main: ${words}`, 'GitRejected');
    expect(troubleOf(words, 'GitRejected')).toEqual({
      text: expect.stringContaining('A rule or a hook'),
      credentials: false,
    });
    expect(refused('pre-receive hook declined')).toEqual({
      text: expect.stringContaining('protected'),
      credentials: false,
    });
    expect(refused('needs the scope `workflow`')).toEqual({
      text: expect.stringContaining('rights'),
      credentials: true,
    });
    expect(troubleOf('connection refused', 'GitUnreachable')?.text).toContain('cannot be reached');
    expect(troubleOf('anything else')).toBeUndefined();
  });

  test('credentials are changed by the command that made it', () => {
    const gitops = {
      url: 'https://git.example.com/a/b.git',
      path: '',
      push: 'PullRequest',
      provider: 'Gitea',
    } as const;
    expect(againCommand(environment([], { gitops: { ...gitops, secretRef: { name: 'git' } } }))).toBe(
      'gimlet env create staging -n team --repository https://git.example.com/a/b.git --repository-per-environment --pull-requests --provider gitea --secret git',
    );
    const draft = draftOf({ name: 'staging', in: 'team', url: 'https://github.com/acme/gitops.git' });
    expect(againCommand(environment([]))).toBe(createCommand(draft));
  });
});

describe('the first app', () => {
  const shop = { app: 'shop', image: 'ghcr.io/acme/shop:1.4.2', port: '3000', target: 'shop' };

  test.each([
    ['ghcr.io/acme/shop:1.4.2', { repository: 'ghcr.io/acme/shop', tag: '1.4.2' }],
    ['localhost:5000/shop:a', { repository: 'localhost:5000/shop', tag: 'a' }],
    ['shop@sha256:ab', { repository: 'shop', digest: 'sha256:ab' }],
    ['shop:1@sha256:ab', { repository: 'shop', tag: '1', digest: 'sha256:ab' }],
    ['localhost:5000/shop', undefined],
    ['shop', undefined],
    [':1', undefined],
  ])('takes an image apart: %s', (text, image) => {
    expect(imageOf(text)).toEqual(image);
  });

  test('is a Release of the built-in chart', () => {
    expect(firstRelease('staging', 'team', shop, 'ada').spec).toEqual({
      app: 'shop',
      environment: 'staging',
      manifest: {
        namespace: 'shop',
        chart: { name: 'app' },
        values: { image: { repository: 'ghcr.io/acme/shop', tag: '1.4.2' }, port: 3000 },
      },
      requestedBy: 'ada',
    });
    expect(releaseCommand('staging', 'team', shop)).toBe(
      'gimlet release shop -e staging -n team --chart app --target-namespace shop --image ghcr.io/acme/shop:1.4.2 --set port=3000',
    );
    expect(initCommand('staging', { ...shop, port: '8080' })).toBe(
      'gimlet manifest init shop -e staging --image ghcr.io/acme/shop --port 8080',
    );
  });

  test('says what is missing', () => {
    const faulty = (change: Partial<typeof shop>) =>
      Object.entries(faultsOfApp({ ...shop, ...change }))
        .filter(([, fault]) => fault)
        .map(([field]) => field);
    expect(faulty({})).toEqual([]);
    expect(faulty({ app: 'Shop', port: '70000' })).toEqual(['app', 'port']);
    expect(faulty({ image: 'shop', target: '' })).toEqual(['image', 'target']);
  });
});
