import { ActionIcon, Tabs, Text } from '@mantine/core';
import { IconExternalLink, IconX } from '@tabler/icons-react';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type KeyboardEvent, type PointerEvent, useEffect, useRef } from 'react';
import type { Running } from '~/api/agents';
import type { Release } from '~/api/kinds';
import type { EnvironmentCard } from '~/api/server';
import { closed, type Panel, panelToText, tabFrom } from '~/domain/panel';
import { prefer, usePreferences } from '~/domain/preferences';
import { useAppScope, useOverview } from '~/live/scopes';
import { useFeedStatus, useValue, useValues } from '~/live/useFeed';
import { useKeys } from '~/parts/keys';
import { EventList } from './EventList';
import { LogTab } from './LogTab';
import { ResourceTree } from './ResourceTree';
import './logs.css';

const LEAST = 380;
const STEP = 40;

/** Logs, events and resources of an app, beside whatever page is open. It is no dialog: the page stays and can be used. */
export function LogsPanel({ panel, full }: { panel: Panel; full: boolean }) {
  const { tab, namespace, app, environment } = panel;
  const { ns } = useSearch({ strict: false });
  const navigate = useNavigate();
  const { panelWidth } = usePreferences();
  const place = useRef<HTMLElement>(null);
  const feed = useAppScope(namespace, app, environment);
  const running = useValue<Running>(feed, `running:${namespace}/${app}.${environment}`);
  const { loaded } = useFeedStatus(feed);
  const releases = useValues<Release>(feed, 'release:');
  const card = useValue<EnvironmentCard>(useOverview(ns), `env:${namespace}/${environment}`);
  const close = () => void navigate({ to: '.', search: (old) => ({ ...old, ...closed }) });
  const show = (next: Panel['tab']) =>
    void navigate({
      to: '.',
      replace: true,
      search: (old) => ({ ...old, panel: panelToText({ ...panel, tab: next }) }),
    });

  useKeys([
    { key: 'Escape', label: 'close', run: close },
    ...(tab === 'logs' ? [] : [{ key: 'l', label: 'logs', run: () => show('logs') }]),
    ...(tab === 'events' ? [] : [{ key: 'e', label: 'events', run: () => show('events') }]),
    // Beside a log, `t` is about its traces.
    ...(tab === 'events' ? [{ key: 't', label: 'resource tree', run: () => show('tree') }] : []),
  ]);
  useEffect(() => {
    const before = document.activeElement;
    place.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);

  return (
    <aside
      className="logs-panel"
      ref={place}
      tabIndex={-1}
      aria-label={`Logs and events of ${app} in ${environment}`}
      data-full={full || undefined}
      style={full ? undefined : { width: `min(100vw, ${panelWidth}px)` }}
    >
      {!full && <Grip />}
      <header className="logs-head">
        <h2>
          {app} <Text span c="dimmed" size="sm">{`in ${environment}`}</Text>
        </h2>
        <span className="logs-tools">
          {!full && (
            <Link
              to="."
              search={(old) => ({ ...old, full: 'true' })}
              target="_blank"
              className="logs-out"
              aria-label="Open in a tab of its own"
              title="Open in a tab of its own"
            >
              <IconExternalLink size={16} />
            </Link>
          )}
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label="Close logs and events" onClick={close}>
            <IconX size={16} />
          </ActionIcon>
        </span>
      </header>
      <Tabs value={tab} onChange={(next) => show(tabFrom(next) ?? 'logs')} className="logs-tabs">
        <Tabs.List>
          <Tabs.Tab value="logs">Logs</Tabs.Tab>
          <Tabs.Tab value="events">Events</Tabs.Tab>
          <Tabs.Tab value="tree">Resource tree</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="logs" className="logs-tab">
          {tab === 'logs' && (
            <LogTab
              key={`${namespace}/${app}/${environment}`}
              panel={panel}
              running={running}
              releases={releases}
              store={card?.logs}
            />
          )}
        </Tabs.Panel>
        <Tabs.Panel value="events" className="logs-tab">
          {tab === 'events' && <EventList panel={panel} />}
        </Tabs.Panel>
        <Tabs.Panel value="tree" className="logs-tab">
          {tab === 'tree' && <ResourceTree panel={panel} running={running} loaded={loaded} />}
        </Tabs.Panel>
      </Tabs>
    </aside>
  );
}

/** The edge by which the panel is made wider or narrower. */
function Grip() {
  const { panelWidth } = usePreferences();
  const most = Math.max(LEAST, window.innerWidth - 60);
  const set = (width: number) => prefer({ panelWidth: Math.round(Math.min(most, Math.max(LEAST, width))) });
  const drag = (event: PointerEvent) => {
    if (event.buttons === 1) set(window.innerWidth - event.clientX);
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    set(panelWidth + step);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved
    <div
      className="logs-grip"
      role="separator"
      tabIndex={0}
      aria-label="Width of the panel"
      aria-orientation="vertical"
      aria-valuenow={panelWidth}
      aria-valuemin={LEAST}
      aria-valuemax={most}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onKeyDown={press}
    />
  );
}
