import { Drawer, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { ManifestVerdict } from '~/api/kinds';
import type { Check, CheckState, Commit, CommitArtifact, Deployment } from '~/api/views';
import type { Word } from '~/domain/words';
import { Age } from '~/parts/Age';
import { Failure, Loading, Outside, Sha } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { artifactQuery } from './useDeployable';

interface Props {
  commit: Commit;
  namespace: string;
  onClose: () => void;
}

/** What became of a commit, from its checks to where it runs. */
export function CommitDetails({ commit, namespace, onClose }: Props) {
  const { message, author, time, url, statuses, artifacts, deployments } = commit;
  return (
    <Drawer opened onClose={onClose} position="right" size={620} title={<Sha id={commit.commit} href={url} />}>
      <Text size="sm" className="wrap lines">
        {message}
      </Text>
      <Text size="xs" c="dimmed" mt={4}>
        {author} <Age time={time} ago />
      </Text>
      <Part title="Checks" none="The host tells of none.">
        {statuses?.map((check) => (
          <CheckLine key={check.context} check={check} />
        ))}
      </Part>
      <Part title="Artifacts" none="None was made of it.">
        {artifacts?.map((artifact) => (
          <ArtifactLines key={artifact.name} namespace={namespace} artifact={artifact} />
        ))}
      </Part>
      <Part title="Runs" none="It is nowhere what was released last.">
        {deployments?.map((place) => (
          <PlaceLine key={`${place.namespace}/${place.app}.${place.environment}`} place={place} />
        ))}
      </Part>
    </Drawer>
  );
}

function Part({ title, none, children }: { title: string; none: string; children: ReactNode[] | undefined }) {
  return (
    <section aria-label={title}>
      <Text component="h3" size="sm" fw={600} mt="md" mb={4}>
        {title}
      </Text>
      {children?.length ? (
        <ul className="commit-lines">{children}</ul>
      ) : (
        <Text size="sm" c="dimmed">
          {none}
        </Text>
      )}
    </section>
  );
}

const wordOfCheck: Record<CheckState, Word> = {
  Success: 'Healthy',
  Pending: 'Progressing',
  Failure: 'Failed',
  Error: 'Failed',
  Skipped: 'Ended',
};

function CheckLine({ check: { context, state, description, url } }: { check: Check }) {
  return (
    <li>
      <WordMark word={wordOfCheck[state]} size={14}>
        {url ? <Outside href={url}>{context}</Outside> : context}
      </WordMark>{' '}
      {state.toLowerCase()} {description && `· ${description}`}
    </li>
  );
}

/** An artifact, and what its policies made of each manifest. */
function ArtifactLines({ namespace, artifact: { name, event, tag, pullRequest } }: ArtifactProps) {
  const artifact = useQuery(artifactQuery(namespace, name));
  const of = tag ?? (pullRequest ? `#${pullRequest}` : event);
  return (
    <li>
      <span className="mono">{name}</span> {of}
      {artifact.isPending && <Loading lines={2} />}
      {artifact.error && <Failure error={artifact.error} again={() => void artifact.refetch()} />}
      {artifact.data === null && <div>It is no longer there.</div>}
      <ul className="commit-lines">
        {artifact.data?.status?.releases?.map(({ manifest, app, environment, result, message, release, ...place }) => (
          <li key={manifest} className="wrap">
            <WordMark word={WORDS[result]} size={14}>
              {app && environment ? `${app} → ${environment}` : manifest}
            </WordMark>{' '}
            {release ? (
              <Link
                to="/releases/$namespace/$name"
                params={{ namespace: place.namespace ?? namespace, name: release }}
                className="text-link"
              >
                {release}
              </Link>
            ) : (
              result
            )}
            : {message}
          </li>
        ))}
      </ul>
    </li>
  );
}

interface ArtifactProps {
  namespace: string;
  artifact: CommitArtifact;
}

const WORDS: Record<ManifestVerdict['result'], Word> = {
  Released: 'Healthy',
  Manual: 'Ended',
  NotMatched: 'Ended',
  Refused: 'Failed',
  Invalid: 'Failed',
};

function PlaceLine({ place: { namespace, app, environment, release, version, time, state } }: { place: Deployment }) {
  return (
    <li>
      <WordMark word={(state as Word | null | undefined) ?? 'Unknown'} size={14} />{' '}
      <Link
        to="/apps/$namespace/$app/$environment"
        params={{ namespace, app, environment }}
        search={({ ns }) => ({ ns })}
        className="text-link"
      >
        {app} in {environment}
      </Link>{' '}
      <span className="mono">{version}</span> by{' '}
      <Link to="/releases/$namespace/$name" params={{ namespace, name: release }} className="text-link">
        {release}
      </Link>{' '}
      <Age time={time} ago />
    </li>
  );
}
