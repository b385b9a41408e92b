import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { get, sentence } from '~/api/http';
import { type App, type List, pathOf, type Repository } from '~/api/kinds';
import type { Row } from '~/api/server';
import type { PullRequest } from '~/api/views';
import { useRefetchOn } from '~/live/useRefetchOn';
import { Outside } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { isOfRepository, newsOfPreviews, previewsOf, stateOf } from './previews';

interface Props {
  pulls: readonly PullRequest[];
  repository: Repository;
  /** The rows of the repository's namespace, live; nothing while they are not read. */
  rows: readonly Row[] | undefined;
}

/** The open pull requests, each with where it can be looked at. */
export function PullRequests({ pulls, repository, rows }: Props) {
  const { namespace, name } = repository.metadata;
  const previews = useQuery({
    queryKey: ['previews', namespace, name],
    queryFn: async () => {
      const { items } = await get<List<App>>(pathOf('apps', namespace));
      return items.filter((app) => isOfRepository(app, repository));
    },
  });
  useRefetchOn(rows && previews.data && newsOfPreviews(rows, previews.data), () => void previews.refetch());
  return (
    <section className="panel" aria-label="Pull requests" style={{ marginTop: 16 }}>
      <header>
        <h2>Open pull requests</h2>
      </header>
      <ul className="pulls">
        {pulls.map((pull) => (
          <li key={pull.number}>
            <Outside href={pull.url}>
              #{pull.number} {pull.title}
            </Outside>
            <Text span size="xs" c="dimmed">
              {pull.branch} {pull.author && `by ${pull.author}`} {pull.draft && '· draft'}
            </Text>
            {previewsOf(pull, previews.data ?? []).map((preview) => (
              <Preview key={preview.metadata.name} preview={preview} rows={rows ?? []} />
            ))}
          </li>
        ))}
      </ul>
      {previews.error && (
        <Text size="xs" c="dimmed" px="md" pb="xs" className="wrap">
          Their previews are not known: {sentence(previews.error)}
        </Text>
      )}
    </section>
  );
}

function Preview({ preview, rows }: { preview: App; rows: readonly Row[] }) {
  const { namespace } = preview.metadata;
  const { app, environment } = preview.spec;
  const { url, removal } = preview.status?.preview ?? {};
  const { word, text } = stateOf(preview, rows);
  return (
    <span className="preview">
      <span title={text}>
        <WordMark word={word} size={14} />
      </span>
      <Link
        to="/apps/$namespace/$app/$environment"
        params={{ namespace, app, environment }}
        search={({ ns }) => ({ ns })}
        className="text-link"
      >
        {app} in {environment}
      </Link>
      {url && <Outside href={url}>{url.replace(/^https?:\/\//, '')}</Outside>}
      {removal && (
        <Text span size="xs" c="dimmed">
          goes: {removal.message}
        </Text>
      )}
    </span>
  );
}
