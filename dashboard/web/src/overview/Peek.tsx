import { Button, Group, Popover, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { KeyboardEvent } from 'react';
import { creatorOf, type Release } from '~/api/kinds';
import type { Cell, Row } from '~/api/server';
import { actionOf } from '~/domain/releaseSpec';
import { wordOfPhase } from '~/domain/words';
import { useReleaseScope } from '~/live/scopes';
import { useFeedStatus, useValue } from '~/live/useFeed';
import { Age } from '~/parts/Age';
import { Failure, Loading, Outside, Sha } from '~/parts/states';
import { WordIcon, WordMark } from '~/parts/WordMark';
import { stepsOf } from '~/release/timeline';

/** Where a cell is on the screen. */
export interface Place {
  top: number;
  left: number;
  width: number;
  height: number;
}

interface Props {
  row: Row;
  environment: string;
  cell: Cell;
  place: Place;
  onClose: () => void;
  /** An arrow was pressed: the cell beside is looked at. */
  onArrow: (key: string) => void;
}

/** A look at the release of a cell, without leaving the matrix. */
export function Peek({ row: { namespace, app }, environment, cell, place, onClose, onArrow }: Props) {
  const name = cell.pending ?? cell.release;
  const press = (event: KeyboardEvent) => {
    if (event.key.startsWith('Arrow')) onArrow(event.key);
    else if (event.key === ' ') onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <Popover
      opened
      onChange={(opened) => !opened && onClose()}
      position="bottom-start"
      width={400}
      trapFocus
      withinPortal
      // Its target is a place, and nothing that opens it.
      withRoles={false}
      shadow="md"
    >
      <Popover.Target>
        <span className="peek-place" style={place} />
      </Popover.Target>
      <Popover.Dropdown role="dialog" aria-label={`${app} in ${environment}`} className="peek" onKeyDown={press}>
        <Group justify="space-between" gap="xs" wrap="nowrap">
          <strong className="ellipsis">
            {app} → {environment}
          </strong>
          <WordMark word={cell.word} size={15} />
        </Group>
        <Runs cell={cell} namespace={namespace} />
        {name && <Attempt namespace={namespace} name={name} pending={cell.pending !== undefined} />}
        {cell.word !== 'Healthy' && (
          <Text size="xs" c="dimmed" mt={4} className="wrap">
            {cell.waitingFor ?? cell.text}
          </Text>
        )}
        <Group gap="xs" mt="sm">
          {name && (
            <Button
              renderRoot={(props) => (
                <Link
                  to="/releases/$namespace/$name"
                  params={{ namespace, name }}
                  search={({ ns }) => ({ ns })}
                  {...props}
                />
              )}
              size="compact-sm"
              data-autofocus
            >
              Open the release
            </Button>
          )}
          {cell.release && (
            <Button
              renderRoot={(props) => (
                <Link
                  to="/apps/$namespace/$app/$environment"
                  params={{ namespace, app, environment }}
                  search={({ ns }) => ({ ns })}
                  {...props}
                />
              )}
              size="compact-sm"
              variant="default"
            >
              Open the app
            </Button>
          )}
          <Button size="compact-sm" variant="default" onClick={onClose}>
            Close
          </Button>
        </Group>
      </Popover.Dropdown>
    </Popover>
  );
}

/** What is in git now: the version, and what its commit says. */
function Runs({ cell: { version, message, author, url, time, release, pending }, namespace }: PeekedCell) {
  if (!version) return null;
  return (
    <div className="peek-runs">
      {pending && release && (
        <Text size="xs" c="dimmed">
          Runs, by{' '}
          <Link to="/releases/$namespace/$name" params={{ namespace, name: release }} className="text-link">
            {release}
          </Link>
        </Text>
      )}
      <div>
        <span className="mono">{version}</span>
        <Text span inherit c="dimmed">
          {' '}
          <Age time={time} ago />
        </Text>
        {url && (
          <>
            {' · '}
            <Outside href={url}>commit</Outside>
          </>
        )}
      </div>
      {(message || author) && (
        <div className="wrap">
          {message && `“${message}”`} {author}
        </div>
      )}
    </div>
  );
}

interface PeekedCell {
  cell: Cell;
  namespace: string;
}

/** The release itself: who made it, and how far it is. */
function Attempt({ namespace, name, pending }: { namespace: string; name: string; pending: boolean }) {
  const feed = useReleaseScope(namespace, name);
  const status = useFeedStatus(feed);
  const release = useValue<Release>(feed, `release:${namespace}/${name}`);
  if (!release) {
    if (status.problem) return <Failure error={status.problem} again={() => void feed.reload()} />;
    if (!status.loaded) return <Loading lines={5} height={14} />;
    return (
      <Text size="xs" c="dimmed" my="xs">
        The Release was tidied away; the log in git still has it.
      </Text>
    );
  }
  const { metadata, spec } = release;
  const commit = release.status?.commit;
  return (
    <section aria-label="Release" className={status.problem ? 'stale' : undefined}>
      <div className="wrap">
        {pending && (
          <>
            <WordMark word={wordOfPhase(release.status?.phase)} size={15}>
              {release.status?.phase ?? 'Pending'}
            </WordMark>{' '}
            <span className="mono">{release.status?.version}</span>{' '}
          </>
        )}
        {actionOf(spec)} by {creatorOf(release) ?? 'somebody'} <Age time={metadata.creationTimestamp} ago />
        {spec.reason && ` · “${spec.reason}”`}
        {commit && (
          <>
            {' · '}
            <Sha id={commit.sha} href={commit.url} />
          </>
        )}
      </div>
      <ol className="peek-steps">
        {stepsOf(release).map(({ name, word, time, text }) => (
          <li key={name} data-reached={word !== undefined}>
            <WordIcon word={word ?? 'Ended'} size={14} quiet />
            <span>{name}</span>
            {time && <Age time={time} />}
            <span className="ellipsis" title={text.join('\n')}>
              {text[0]}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
