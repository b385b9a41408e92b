import { Button, Text } from '@mantine/core';
import { useState } from 'react';
import { toRelease, useRight } from '~/api/rights';
import type { Commit, Page, Tag } from '~/api/views';
import { Age } from '~/parts/Age';
import { Guarded } from '~/parts/Guarded';
import { Sha } from '~/parts/states';
import { artifactOfTag, linkOf } from './commits';
import { useReleaseArtifact } from './useReleaseArtifact';

/** Tags that are listed before somebody asks for more. */
const FEW = 10;

interface Props {
  tags: Page<Tag>;
  namespace: string;
  /** Those of the page: they say where commits are at the host. */
  commits: readonly Commit[];
}

/** The tags, each with its commit, and what was built of it to be released. */
export function Tags({ tags: { items, next }, namespace, commits }: Props) {
  const right = useRight(toRelease(namespace));
  const [all, showAll] = useState(false);
  const [ask, question] = useReleaseArtifact(namespace);
  const shown = all ? items : items.slice(0, FEW);
  return (
    <section className="panel" aria-label="Tags" style={{ marginTop: 16 }}>
      <header>
        <h2>Tags</h2>
      </header>
      <ul className="pulls">
        {shown.map((tag) => {
          const { name, commit, time } = tag;
          const artifact = artifactOfTag(tag);
          return (
            <li key={name}>
              <strong className="mono wrap">{name}</strong>
              <Sha id={commit} href={linkOf(commits, commit)} />
              {time && (
                <Text span size="xs" c="dimmed">
                  <Age time={time} ago />
                </Text>
              )}
              {artifact ? (
                <Guarded
                  right={right}
                  variant="default"
                  size="compact-xs"
                  aria-label={`Release ${name}…`}
                  onClick={() => ask(artifact)}
                >
                  Release…
                </Guarded>
              ) : (
                tag.artifacts && (
                  <Text span size="xs" c="dimmed">
                    no artifact
                  </Text>
                )
              )}
            </li>
          );
        })}
      </ul>
      {(items.length > shown.length || next) && (
        <div className="pulls">
          {items.length > shown.length ? (
            <Button size="compact-xs" variant="default" onClick={() => showAll(true)}>
              {items.length - shown.length} more
            </Button>
          ) : (
            <Text size="xs" c="dimmed">
              The host has more tags than these {items.length}.
            </Text>
          )}
        </div>
      )}
      {question}
    </section>
  );
}
