import type { Environment } from '~/api/kinds';
import { Outside } from '~/parts/states';

/** Where an environment is in git, as two of its facts. */
export function PlaceInGit({ gitops }: { gitops: Environment['spec']['gitops'] }) {
  return (
    <>
      <dt>Repository</dt>
      <dd>
        <Outside href={gitops.url}>{gitops.url}</Outside>
      </dd>
      <dt>Branch, folder</dt>
      <dd>
        {gitops.branch ?? 'main'}, {gitops.path || 'the whole repository'}
      </dd>
    </>
  );
}
