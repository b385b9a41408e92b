import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseSearch, stringifySearch } from '~/domain/search';
import agent from '../../../../cli/src/command/env/snapshots/gimlet_cli__command__env__agent__tests__each_environment_has_its_own_agent_and_one_role_is_enough.snap?raw';
import connect from '../../../../cli/src/command/env/snapshots/gimlet_cli__command__env__connect__tests__the_workload_cluster_gets_the_two_objects_and_a_secret_that_is_in_no_file.snap?raw';
import folder from '../../../../cli/src/command/env/snapshots/gimlet_cli__command__env__create__tests__a_folder_of_a_shared_repository_is_the_usual_way.snap?raw';
import whole from '../../../../cli/src/command/env/snapshots/gimlet_cli__command__env__create__tests__a_repository_of_its_own_by_pull_requests.snap?raw';
import { draftOf, faultsOf, hostOf, isWhole, missingBefore, pageForNew } from './draft';
import {
  connectCommand,
  connectedBy,
  createCommand,
  environmentOf,
  followed,
  identityOf,
  kubectlFor,
  type Plain,
  writtenBy,
} from './objects';
import { written } from './useDraft';

/** Returns what stands in a snapshot of the command line below its head. */
const body = (snapshot: string) =>
  snapshot
    .split(/^---\n/m)
    .slice(2)
    .join('---\n');
/** What is secret has names only. */
const named = (object: Plain) => {
  const { data, stringData, ...rest } = object as Plain & { data?: object; stringData?: object };
  const keys = data ?? stringData;
  return keys ? { ...rest, keys: Object.keys(keys).sort() } : rest;
};
const documents = (snapshot: string) => parseAllDocuments(body(snapshot)).map((each) => named(each.toJS()));
const items = (snapshot: string) => (parse(body(snapshot)) as { items: Plain[] }).items.map(named);
const draft = (search: string) => draftOf(parseSearch(search));
const FOLDER = '?name=staging&in=team&url=https://github.com/acme/gitops.git';
const WHOLE =
  '?name=production&in=team&url=git@git.example.com:acme/production.git&whole=true&pulls=true&provider=Gitea&secret=git&flux=flux';

describe('what the command line makes', () => {
  test('is what the wizard makes, for a folder of a shared repository', () => {
    expect(writtenBy(draft(FOLDER)).map(named)).toEqual(documents(folder));
    expect(createCommand(draft(FOLDER))).toBe(
      'gimlet env create staging -n team --repository https://github.com/acme/gitops.git',
    );
  });

  test('is what the wizard makes, for a repository of its own by pull requests', () => {
    expect(writtenBy(draft(WHOLE)).map(named)).toEqual(documents(whole));
    expect(createCommand(draft(WHOLE))).toBe(
      'gimlet env create production -n team --repository git@git.example.com:acme/production.git --repository-per-environment --pull-requests --provider gitea --secret git --ssh-key KEY --known-hosts known_hosts --flux-namespace flux',
    );
  });

  test('is what the wizard shows, where Flux is to follow', () => {
    const environment = {
      apiVersion: 'gimlet.io/v1alpha1',
      kind: 'Environment',
      metadata: { name: 'staging', namespace: 'team' },
      spec: {
        gitops: { url: 'https://git.example.com/acme/gitops.git', path: 'staging' },
        flux: { secretRef: { name: 'git' } },
      },
    };
    const here = followed(environment, { elsewhere: false, reads: 'copy' }, 'https://gimlet.example.com');
    // The token of that test stands without the name of a user.
    const shown = connectedBy(here)
      .map(named)
      .map((object) => ('keys' in object ? { ...object, keys: ['password'] } : object));
    expect(shown).toEqual(items(connect));
    expect(connectCommand(here)).toBe('gimlet env connect staging -n team --copy-credentials');
    const there = followed(environment, { elsewhere: true, reads: 'token' }, 'https://gimlet.example.com');
    expect(connectCommand(there)).toBe(
      'gimlet env connect staging -n team --cluster-context CONTEXT --agent https://gimlet.example.com',
    );
  });

  test('is what the wizard shows, as the identity of an agent', () => {
    expect(identityOf('staging', 'team')).toEqual(items(agent));
  });
});

describe('a repository that has yet to be made', () => {
  const gitops = (search: string) => {
    return (environmentOf(draft(search)).spec as { gitops: Record<string, unknown> }).gitops;
  };

  test('is made by the operator, where there is a token', () => {
    expect(gitops(`${FOLDER}&make=true`)).toMatchObject({ createRepository: 'Private', provider: 'GitHub' });
    expect(gitops(`${FOLDER}&make=true&public=true`).createRepository).toBe('Public');
    expect(createCommand(draft(`${FOLDER}&make=true&public=true`))).toMatch(/ --create-repository --public /);
    const elsewhere = `${FOLDER}&make=true&url=https://git.example.com/a/b`;
    expect(faultsOf(draft(elsewhere)).host).toContain('API');
    expect(missingBefore(faultsOf(draft(elsewhere)), 'layout')).toBe('repository');
    expect(gitops(`${elsewhere}&provider=Gitea&api=https://git.example.com/api/v1`)).toMatchObject({
      createRepository: 'Private',
      provider: 'Gitea',
      apiUrl: 'https://git.example.com/api/v1',
    });
  });

  test('is made at the host, where there is a key', () => {
    const key = `${FOLDER}&make=true&url=git@github.com:acme/gitops.git`;
    expect(gitops(key)).not.toHaveProperty('createRepository');
    expect(gitops(key)).not.toHaveProperty('provider');
  });
});

describe('a draft', () => {
  test('stands in the URL, and nothing of it is secret', () => {
    const search = parseSearch(WHOLE);
    expect(draftOf(parseSearch(stringifySearch(search)))).toEqual(draftOf(search));
    const texts = JSON.stringify(writtenBy(draft(FOLDER)));
    expect(texts).toContain('"password":"…"');
  });

  test('says what is missing, and where', () => {
    expect(missingBefore(faultsOf(draft('')))).toBe('name');
    expect(missingBefore(faultsOf(draft('?name=staging&in=team')), 'layout')).toBe('repository');
    expect(missingBefore(faultsOf(draft(FOLDER)))).toBeUndefined();
    expect(isWhole(faultsOf(draft(`${FOLDER}&pulls=true&url=https://git.example.com/a/b`)), 'layout')).toBe(false);
  });

  test.each([
    [`${FOLDER}&secret=git&name=Staging`, 'name'],
    [`${FOLDER}&in=te_am`, 'namespace'],
    [`${FOLDER}&url=https://me:hunter2@github.com/a/b`, 'url'],
    [`${FOLDER}&url=github.com`, 'url'],
    [`${FOLDER}&branch=a..b`, 'branch'],
    [`${FOLDER}&path=/staging`, 'path'],
    [`${FOLDER}&path=a/b/c/d/e`, 'path'],
    [`${FOLDER}&by=key`, 'secret'],
    [`${FOLDER}&url=git@github.com:a/b.git&by=token`, 'secret'],
  ])('that cannot be is refused before it is sent: %s', (search, field) => {
    expect(Object.keys(faultsOf(draft(search)))).toEqual([field]);
  });

  test('knows hosts, and where a repository is made there', () => {
    expect(hostOf('git@github.com:a/b.git')).toBe('github.com');
    expect(hostOf('ssh://git@host.example.com:22/a/b')).toBe('host.example.com');
    expect(pageForNew(draft(FOLDER))).toBe('https://github.com/new?owner=acme&name=gitops&visibility=private');
    expect(pageForNew(draft('?url=https://git.example.com/a/b&provider=Gitea'))).toBe(
      'https://git.example.com/repo/create',
    );
    expect(pageForNew(draft('?url=https://git.example.com/a/b'))).toBeUndefined();
  });

  test('for kubectl has no value that stands for a secret', () => {
    const text = kubectlFor(writtenBy(draft(FOLDER)), 'eu-1');
    expect(text).not.toContain('…');
    expect(text).toMatch(/^kubectl apply --context eu-1 -f - <<'EOF'\napiVersion: v1\nkind: Namespace/);
    expect(text).toMatch(
      /\nEOF\nkubectl create secret generic staging-gitops -n team --context eu-1 --from-literal=username=git --from-literal=password="\$GIMLET_GIT_TOKEN"$/,
    );
  });

  test('by a GitHub App takes a Secret that is made first', () => {
    expect(createCommand(draft(`${FOLDER}&by=app`))).toMatch(
      /^kubectl create secret generic staging-gitops .*\ngimlet env create staging/,
    );
  });
});

test('an address with credentials in it is refused, and goes into no URL', () => {
  for (const url of ['https://hunter2@host/a/b', 'http://git:hunter2@host/a/b']) {
    expect(faultsOf(draftOf({ url })).url).toContain('credentials');
    expect(JSON.stringify(written({ url, name: 'staging' }))).toBe('{"name":"staging"}');
  }
  expect(written({ url: 'git@host:a/b' }).url).toBe('git@host:a/b');
});
