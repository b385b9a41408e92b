import { Text } from '@mantine/core';
import type { Environment } from '~/api/kinds';
import { PlaceInGit } from '~/environments/PlaceInGit';
import { CopyLine } from '~/parts/CopyLine';
import { Outside } from '~/parts/states';
import { Checks } from './Checks';
import { againCommand } from './objects';
import { gitCheck, likelyCause } from './progress';

/** What was chosen for an environment that is there, and whether its repository can be written. */
export function ThereStep({ environment }: { environment: Environment }) {
  const { metadata, spec, status } = environment;
  const { gitops } = spec;
  const { name, namespace } = metadata;
  const git = gitCheck(environment);
  const cause = git.word === 'Failed' ? likelyCause(git.text) : undefined;
  return (
    <>
      <dl className="facts">
        <dt>Environment</dt>
        <dd>
          {name} in {namespace}
        </dd>
        <PlaceInGit gitops={gitops} />
        <dt>Written by</dt>
        <dd>the Secret {gitops.secretRef?.name ?? '—'}</dd>
        {status?.pullRequest && (
          <>
            <dt>Pull request</dt>
            <dd>
              <Outside href={status.pullRequest.url}>{status.pullRequest.url}</Outside>: merge it
            </dd>
          </>
        )}
      </dl>
      <Checks label="Repository" checks={[git]} />
      {git.word === 'Failed' && (
        <section className="wizard-note" aria-label="What to do">
          {cause && <Text size="sm">{cause}</Text>}
          <Text size="sm" mt="xs">
            A Secret is not changed here. This puts other credentials into it; the operator looks again within a minute:
          </Text>
          <CopyLine text={againCommand(environment)} />
        </section>
      )}
    </>
  );
}
