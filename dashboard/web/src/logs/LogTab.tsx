import { Button, Checkbox, NativeSelect, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconSearch } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Running } from '~/api/agents';
import { sentence } from '~/api/http';
import type { Release } from '~/api/kinds';
import type { Panel } from '~/domain/panel';
import { useKeys } from '~/parts/keys';
import { saveFile } from '~/parts/save';
import { Empty, Failure, Loading, Outside } from '~/parts/states';
import { type Again, asText, type Entry, linesOf, MOST, wantedBy } from './buffer';
import { filterOf } from './filter';
import { LogView } from './LogView';
import { storeLink } from './store';
import { useLog } from './useLog';
import { useRestarts } from './useRestarts';
import { useTimeLine } from './useTimeLine';

const TIMES = [
  { value: '', label: 'last 1,000 lines each' },
  { value: '600', label: 'last 10 minutes' },
  { value: '3600', label: 'last hour' },
  { value: '86400', label: 'last day' },
];

interface Props {
  panel: Panel;
  running: Running | undefined;
  releases: readonly Release[];
  /** Template of the address at which a store has older lines. */
  store: string | undefined;
}

/** The lines of an app's containers, with what is chosen of them in the URL. */
export function LogTab({ panel, running, releases, store }: Props) {
  const search = useSearch({ strict: false });
  const { pod = '', container = '', since = '', find = '', previous } = search;
  const [wrapped, unfolded, eventful] = [search.wrap === 'true', search.unfold === 'true', search.events === 'true'];
  const navigate = useNavigate();
  const finder = useRef<HTMLInputElement>(null);
  const [frozen, freeze] = useState<readonly Entry[]>();
  const isPrevious = previous === 'true';
  const seconds = Number(since);
  const { stream, status, again } = useLog(panel, {
    pods: pod,
    containers: container,
    previous: isPrevious,
    sinceSeconds: seconds > 0 ? seconds : undefined,
    follow: !isPrevious,
  });
  const { buffer } = stream;
  useRestarts(stream, running, isPrevious);
  const untold = useTimeLine(stream, panel, releases, eventful);
  const filter = useMemo(() => filterOf(find), [find]);
  const keeps = useMemo(() => wantedBy(filter.keeps, eventful), [filter, eventful]);
  // What was held still belongs to the log that was read then.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another stream is another log
  useEffect(() => freeze(undefined), [stream]);

  // The router would put the lines where they were before: they are at the end, or where the reader is.
  const choose = (change: Record<string, string | undefined>) =>
    void navigate({ to: '.', replace: true, resetScroll: false, search: (old) => ({ ...old, ...change }) });
  // The same one each time, for it goes to each line.
  const previousOf = useCallback(
    ({ pod, container }: Again) => {
      const change = { pod, container, previous: 'true', since: undefined };
      void navigate({ to: '.', replace: true, resetScroll: false, search: (old) => ({ ...old, ...change }) });
    },
    [navigate],
  );
  const follow = () => freeze(undefined);
  const pause = () => freeze(buffer.all(() => true));
  const flip = {
    previous: () => choose({ previous: isPrevious ? undefined : 'true', since: undefined }),
    wrap: () => choose({ wrap: wrapped ? undefined : 'true' }),
    unfold: () => choose({ unfold: unfolded ? undefined : 'true' }),
    events: () => choose({ events: eventful ? undefined : 'true' }),
  };
  const wanted = () => (frozen ?? buffer.all(() => true)).filter(keeps);
  const copy = async () => {
    const entries = wanted();
    try {
      await navigator.clipboard.writeText(asText(entries));
      notifications.show({ message: `${linesOf(entries)} lines copied`, autoClose: 2000 });
    } catch {
      notifications.show({ color: 'red', message: 'The browser does not let the page copy. Save them instead.' });
    }
  };
  const save = () =>
    saveFile(`${panel.app}.${panel.environment}${isPrevious ? '.previous' : ''}.log`, 'text/plain', asText(wanted()));

  useKeys([
    { key: '/', label: 'filter', run: () => finder.current?.focus() },
    { key: 'f', label: frozen ? 'follow' : 'pause', run: frozen ? follow : pause },
    { key: 'G', label: 'to the end', run: follow },
    { key: 'p', label: isPrevious ? 'present container' : 'previous container', run: flip.previous },
    { key: 'w', label: 'wrap', run: flip.wrap },
    { key: 't', label: unfolded ? 'fold traces' : 'unfold traces', run: flip.unfold },
    { key: 'E', label: 'events among the lines', run: flip.events },
    { key: 'c', label: 'copy', run: () => void copy() },
    { key: 's', label: 'save', run: save },
  ]);

  const pods = running?.state.pods ?? [];
  const containers = [...new Set(pods.flatMap(({ containers = [] }) => containers.map(({ name }) => name)))];
  const named = (names: string[], all: string, chosen: string) => [
    { value: '', label: `${all} (${names.length})` },
    ...[...new Set([...names, ...(chosen ? [chosen] : [])])].map((value) => ({ value, label: value })),
  ];
  const behind = frozen ? buffer.length - linesOf(frozen) : 0;
  const shown = { ...panel, namespace: running?.state.namespace ?? '', pod, container };
  const older = running && storeLink(store, shown);
  const nothing = buffer.length === 0;
  return (
    <>
      <div className="logs-bar">
        <NativeSelect
          size="xs"
          aria-label="Pods"
          value={pod}
          data={named(
            pods.map(({ name }) => name),
            'all pods',
            pod,
          )}
          onChange={(event) => choose({ pod: event.currentTarget.value || undefined })}
        />
        <NativeSelect
          size="xs"
          aria-label="Containers"
          value={container}
          data={named(containers, 'all containers', container)}
          onChange={(event) => choose({ container: event.currentTarget.value || undefined })}
        />
        <NativeSelect
          size="xs"
          aria-label="Since"
          value={since}
          disabled={isPrevious}
          data={TIMES}
          onChange={(event) => choose({ since: event.currentTarget.value || undefined })}
        />
        <Checkbox size="xs" label="previous container" checked={isPrevious} onChange={flip.previous} />
        <Checkbox size="xs" label="wrap" checked={wrapped} onChange={flip.wrap} />
        <Checkbox size="xs" label="traces" checked={unfolded} onChange={flip.unfold} />
        <Checkbox size="xs" label="events" checked={eventful} onChange={flip.events} />
        <TextInput
          size="xs"
          ref={finder}
          className="logs-find"
          aria-label="Filter lines"
          placeholder="words, -without, /pattern/"
          leftSection={<IconSearch size={14} />}
          value={find}
          error={filter.problem}
          onChange={(event) => choose({ find: event.currentTarget.value || undefined })}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
      </div>
      {status.problem !== undefined && (status.state === 'refused' || nothing) && (
        <div className="logs-said">
          <Failure error={status.problem} again={again} kept={!nothing} />
          {status.state === 'lost' && (
            <Text size="sm" mt="xs" role="status">
              It is tried again by itself.
            </Text>
          )}
        </div>
      )}
      {nothing && status.state === 'asking' && <Loading lines={8} />}
      {nothing && (status.state === 'open' || status.state === 'over') && (
        <Empty next={<Unstarted running={running} />}>
          {isPrevious
            ? 'No container ran before the present ones, or nothing is kept of them.'
            : 'Nothing was written yet. New lines are shown as they come.'}
        </Empty>
      )}
      {!nothing && (
        <LogView
          buffer={buffer}
          frozen={frozen}
          wanted={keeps}
          wrapped={wrapped}
          unfolded={unfolded}
          app={panel.app}
          named={containers.length > 1}
          onPause={pause}
          onPrevious={previousOf}
        />
      )}
      <footer className="logs-foot">
        <span role="status">
          {status.state === 'lost' && !nothing && <strong>Connection lost, tried again. </strong>}
          {buffer.length.toLocaleString('en')} lines
          {buffer.dropped > 0 && `, the last ${MOST.toLocaleString('en')} are held`}
          {frozen && behind > 0 && `, ${behind.toLocaleString('en')} newer`}
          {status.state === 'over' && ' · that is all'}
          {untold && ` · no events: ${sentence(untold)}`}
        </span>
        <span className="logs-tools">
          {older && <Outside href={older}>Older logs</Outside>}
          <Button size="compact-xs" variant="default" onClick={() => void copy()} disabled={nothing}>
            Copy
          </Button>
          <Button size="compact-xs" variant="default" onClick={save} disabled={nothing}>
            Save
          </Button>
          {!isPrevious && (
            <Button
              size="compact-xs"
              variant={frozen ? 'filled' : 'default'}
              onClick={frozen ? follow : pause}
              disabled={nothing}
            >
              {frozen ? 'Follow' : 'Pause'}
            </Button>
          )}
        </span>
      </footer>
    </>
  );
}

/** Why there may be no lines: containers that have not started. */
function Unstarted({ running }: { running: Running | undefined }) {
  const waiting = (running?.state.pods ?? []).flatMap(({ name, containers = [] }) =>
    containers
      .filter(({ state }) => state?.is === 'waiting')
      .map((each) => ({ pod: name, container: each.name, state: each.state })),
  );
  if (waiting.length === 0) return null;
  return (
    <ul className="logs-unstarted">
      {waiting.slice(0, 5).map(({ pod, container, state }) => (
        <li key={`${pod}/${container}`} className="wrap">
          {pod}: {container} has not started: {state?.reason} {state?.message}
        </li>
      ))}
    </ul>
  );
}
