/** Which apps are the previews of a pull request. Pure. */

import type { App, Repository } from '~/api/kinds';
import type { Row } from '~/api/server';
import type { PullRequest } from '~/api/views';
import { type Word, wordOfCondition } from '~/domain/words';

/** Returns what artifacts and previews call a repository, such as `acme/shop`. */
export function calledOf(url: string): string {
  const path = url.includes('://') ? url.replace(/^[^:]*:\/\/[^/]*/, '') : url.replace(/^[^:]*:/, '');
  return path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '');
}

/** Tells whether an app is bound to a branch of a repository. */
export function isOfRepository({ metadata, spec: { preview } }: App, repository: Repository): boolean {
  const { namespace } = repository.metadata;
  return (
    preview !== undefined &&
    (preview.namespace ?? metadata.namespace) === namespace &&
    preview.repository.toLowerCase() === calledOf(repository.spec.url).toLowerCase()
  );
}

/** Returns those of a repository's previews that are of a pull request, by environment and name. */
export function previewsOf(pull: PullRequest, previews: readonly App[]): App[] {
  return previews
    .filter(({ spec: { preview } }) =>
      preview?.pullRequest
        ? preview.pullRequest === pull.number
        : // Until the operator has seen the pull request, the branch tells; that of a fork is another one.
          preview?.followPullRequest && !pull.fromFork && preview.branch === pull.branch,
    )
    .sort((a, b) => a.spec.environment.localeCompare(b.spec.environment) || a.spec.app.localeCompare(b.spec.app));
}

const cellOf = (rows: readonly Row[], { metadata: { namespace }, spec: { app, environment } }: App) =>
  rows.find(({ key }) => key === `${namespace}/${app}`)?.cells[environment];

/** Says how a preview is: as the server says it, else what its own object tells. */
export function stateOf(preview: App, rows: readonly Row[]): { word: Word; text: string | undefined } {
  const cell = cellOf(rows, preview);
  const ready = preview.status?.conditions?.find(({ type }) => type === 'Ready');
  return { word: cell?.word ?? wordOfCondition(ready?.status), text: cell?.text || ready?.message };
}

/**
 * Returns a text that is another one whenever a preview may have come, gone or changed: apps are not read as a whole
 * each time that one of them is released.
 */
export function newsOfPreviews(rows: readonly Row[], previews: readonly App[]): string {
  const names = rows.flatMap(({ app, cells }) => Object.keys(cells).map((environment) => `${app}.${environment}`));
  const states = previews.map((preview) => {
    const cell = cellOf(rows, preview);
    return [cell?.word, cell?.release, cell?.pending].join(' ');
  });
  return [...names.sort(), ...states].join();
}
