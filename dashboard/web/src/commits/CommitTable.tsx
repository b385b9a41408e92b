import { Text, Tooltip, UnstyledButton } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { toRelease, useRight } from '~/api/rights';
import type { Commit, Deployment } from '~/api/views';
import { openOutside } from '~/domain/links';
import type { Word } from '~/domain/words';
import type { Column } from '~/overview/matrix';
import { Age } from '~/parts/Age';
import { Guarded } from '~/parts/Guarded';
import { useKeys } from '~/parts/keys';
import { Outside, Sha } from '~/parts/states';
import { WordIcon, WordMark } from '~/parts/WordMark';
import { CommitDetails } from './CommitDetails';
import { checksOf, linesOf, noArtifact } from './commits';
import { useReleaseArtifact } from './useReleaseArtifact';

interface Props {
  commits: readonly Commit[];
  columns: readonly Column[];
  namespace: string;
  stale: boolean;
}

/** Commits by environments: where each is what runs. */
export function CommitTable({ commits, columns, namespace, stale }: Props) {
  const navigate = useNavigate();
  const right = useRight(toRelease(namespace));
  const body = useRef<HTMLTableSectionElement>(null);
  const [at, setAt] = useState(0);
  const [ask, question] = useReleaseArtifact(namespace);
  const { commit: chosen } = useSearch({ strict: false });
  const opened = chosen ? commits.find((each) => each.commit === chosen) : undefined;
  const open = (id: string | undefined) =>
    void navigate({ to: '.', replace: true, search: (old) => ({ ...old, commit: id }) });
  const current = Math.min(at, commits.length - 1);
  const commit = commits[current];
  const move = (by: number) => {
    const next = Math.max(0, Math.min(commits.length - 1, current + by));
    setAt(next);
    body.current?.rows[next]?.scrollIntoView({ block: 'nearest' });
  };
  const artifact = commit?.artifacts?.[0]?.name;
  useKeys([
    { key: 'j', label: 'down', run: () => move(1) },
    { key: 'k', label: 'up', run: () => move(-1) },
    ...(artifact ? [{ key: 'r', label: 'release', run: () => ask(artifact) }] : []),
    ...(commit?.url ? [{ key: 'o', label: 'open at the host', run: () => openOutside(commit.url) }] : []),
    { key: 'Enter', label: 'details', run: () => commit && open(commit.commit) },
    { key: 'c', label: 'copy the commit id', run: () => commit && void copyId(commit.commit) },
  ]);
  return (
    <section className={`panel scroll-x ${stale ? 'stale' : ''}`} aria-label="Commits">
      <table className="data commits">
        <thead>
          <tr>
            <th>Commit</th>
            <th>Message</th>
            <th>Checks</th>
            {columns.map(({ name }) => (
              <th key={name}>{name}</th>
            ))}
            <th>
              <span className="visually-hidden">Release</span>
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          {commits.map((each, index) => (
            <tr key={each.commit} data-current={index === current}>
              <td>
                <Sha id={each.commit} href={each.url} />
              </td>
              <td style={{ minWidth: 220 }}>
                <UnstyledButton className="wrap commit-message" onClick={() => open(each.commit)}>
                  {each.message.split('\n')[0]}
                </UnstyledButton>
                <Text size="xs" c="dimmed">
                  {each.author} · <Age time={each.time} />
                  {each.artifacts?.map(({ tag, pullRequest }) =>
                    tag ? ` · ${tag}` : pullRequest ? ` · #${pullRequest}` : '',
                  )}
                </Text>
              </td>
              <td>
                <Checks commit={each} />
              </td>
              {columns.map(({ name }) => (
                <td key={name}>
                  <Places places={each.deployments?.filter(({ environment }) => environment === name) ?? []} />
                </td>
              ))}
              <td>
                {each.artifacts?.[0] ? (
                  <Guarded
                    right={right}
                    variant="default"
                    size="compact-xs"
                    onClick={() => each.artifacts?.[0] && ask(each.artifacts[0].name)}
                  >
                    Release…
                  </Guarded>
                ) : (
                  <Text size="xs" c="dimmed">
                    {noArtifact(each)}
                  </Text>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {opened && <CommitDetails commit={opened} namespace={namespace} onClose={() => open(undefined)} />}
      {question}
    </section>
  );
}

async function copyId(id: string) {
  await navigator.clipboard.writeText(id);
  notifications.show({ message: `${id.slice(0, 7)} copied`, autoClose: 1500 });
}

function Checks({ commit: { statuses } }: { commit: Commit }) {
  const sum = checksOf(statuses);
  if (!sum)
    return (
      <Text size="xs" c="dimmed">
        none
      </Text>
    );
  const link = statuses?.find(({ url }) => url)?.url;
  const mark = (
    <WordMark word={sum.word} size={14}>
      {sum.text}
    </WordMark>
  );
  return (
    <Tooltip label={<span className="lines">{linesOf(statuses ?? [])}</span>}>
      <span>{link ? <Outside href={link}>{mark}</Outside> : mark}</span>
    </Tooltip>
  );
}

function Places({ places }: { places: readonly Deployment[] }) {
  if (places.length === 0) return <span className="nowhere">·</span>;
  return places.map(({ namespace, app, environment, state }) => (
    <Link
      key={app}
      to="/apps/$namespace/$app/$environment"
      params={{ namespace, app, environment }}
      className="place"
      title={`${app} in ${environment}: ${state ?? 'Unknown'}`}
    >
      <WordIcon word={(state as Word | null | undefined) ?? 'Unknown'} size={15} />
      <span className="visually-hidden">
        {app} in {environment}
      </span>
    </Link>
  ));
}
