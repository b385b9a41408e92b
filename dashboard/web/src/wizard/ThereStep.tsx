import type { Environment } from '~/api/kinds';
import { PlaceInGit } from '~/environments/PlaceInGit';
import { RepositoryTrouble } from '~/environments/RepositoryTrouble';
import { Outside } from '~/parts/states';
import { Checks } from './Checks';
import { gitCheck } from './progress';

/** What was chosen for an environment that is there, and whether its repository can be written. */
export function ThereStep({ environment }: { environment: Environment }) {
  const { metadata, spec, status } = environment;
  const { gitops } = spec;
  const { name, namespace } = metadata;
  const git = gitCheck(environment);
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
        <div className="wizard-note">
          <RepositoryTrouble environment={environment} />
        </div>
      )}
    </>
  );
}
