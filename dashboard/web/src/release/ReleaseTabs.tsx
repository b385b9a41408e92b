import { Tabs, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type Ref, useImperativeHandle, useRef } from 'react';
import { readReleaseEvents, toReadEvents } from '~/api/events';
import type { Release } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { readPlan } from '~/api/views';
import { OFTEN } from '~/logs/EventList';
import { EventTable } from '~/logs/EventTable';
import { TextBlock } from '~/parts/CopyAs';
import { Diff } from '~/parts/Diff';
import { Manifests } from '~/parts/Manifests';
import { Empty, Failure, Loading, Sha } from '~/parts/states';
import { commitOf, valuesOf } from './content';

const TABS = { changes: 'Changes', manifests: 'Manifests', values: 'Values', events: 'Events' };

/** Brings the changes into view. */
export interface TabsHandle {
  showChanges: () => void;
}

/** What a release changes, what it is made of, and what was said of it; the tab is in the URL. */
export function ReleaseTabs({ release, handle }: { release: Release; handle: Ref<TabsHandle> }) {
  const { tab } = useSearch({ strict: false });
  const navigate = useNavigate();
  const place = useRef<HTMLElement>(null);
  const shown = tab && tab in TABS ? tab : 'changes';
  const open = (next: string | null) =>
    void navigate({
      to: '.',
      replace: true,
      resetScroll: false,
      search: (old) => ({ ...old, tab: next && next !== 'changes' ? next : undefined }),
    });
  useImperativeHandle(handle, () => ({
    showChanges: () => {
      if (shown !== 'changes') open('changes');
      place.current?.scrollIntoView({ behavior: 'smooth' });
    },
  }));
  const { namespace } = release.metadata;
  const { app, environment } = release.spec;
  const base = release.status?.plan?.base;
  const commit = commitOf(release);
  return (
    <section className="panel" aria-label="Content" ref={place} style={{ marginTop: 16 }}>
      <Tabs value={shown} onChange={open} keepMounted={false}>
        <Tabs.List>
          {Object.entries(TABS).map(([value, label]) => (
            <Tabs.Tab key={value} value={value}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="changes" className="panel-body">
          {base && (
            <Text size="xs" c="dimmed" mb="xs">
              against <Sha id={base} />
            </Text>
          )}
          <Changes release={release} keys />
        </Tabs.Panel>
        <Tabs.Panel value="manifests" className="panel-body">
          {commit ? (
            <Manifests namespace={namespace} environment={environment} app={app} commit={commit} />
          ) : (
            <Empty>Its files are not in git. What it would change stands among the changes.</Empty>
          )}
        </Tabs.Panel>
        <Tabs.Panel value="values" className="panel-body">
          <ValuesOf release={release} />
        </Tabs.Panel>
        <Tabs.Panel value="events">
          <Events release={release} />
        </Tabs.Panel>
      </Tabs>
    </section>
  );
}

/** What a release changes, as it is planned or as it was. */
export function Changes({ release: { metadata, status }, keys }: { release: Release; keys?: boolean }) {
  const { namespace, name } = metadata;
  const digest = status?.plan?.digest;
  const plan = useQuery({
    queryKey: ['planView', namespace, name, digest, status?.commit?.sha],
    queryFn: () => readPlan(namespace, name),
    enabled: digest !== undefined,
  });
  if (!digest) return <Empty>It is not planned yet: nothing is known of what it changes.</Empty>;
  if (plan.isPending) return <Loading />;
  if (plan.error) {
    return (
      <>
        <Failure error={plan.error} again={() => void plan.refetch()} />
        <Text size="sm" className="mono wrap" mt="sm">
          {status?.plan?.objects?.join('\n')}
        </Text>
      </>
    );
  }
  const { difference } = plan.data;
  if (difference.files.length + difference.objects.length === 0) {
    return <Empty>Git has exactly this already: nothing changes.</Empty>;
  }
  return <Diff difference={difference} keys={keys} folder={status?.commit?.path} />;
}

function ValuesOf({ release }: { release: Release }) {
  const values = valuesOf(release);
  if ('why' in values) return <Empty>{values.why}</Empty>;
  return <TextBlock label="Values" text={values.text} />;
}

function Events({ release: { metadata } }: { release: Release }) {
  const { namespace, name } = metadata;
  const right = useRight(toReadEvents(namespace));
  const events = useQuery({
    queryKey: ['releaseEvents', namespace, name],
    queryFn: () => readReleaseEvents(namespace, name),
    enabled: right.allowed,
    refetchInterval: ({ state }) => (state.error ? false : OFTEN),
  });
  if (!right.allowed) return <Empty>{right.text}</Empty>;
  if (events.error && !events.data) return <Failure error={events.error} again={() => void events.refetch()} />;
  if (!events.data) return <Loading />;
  return (
    <>
      {events.error && <Failure error={events.error} again={() => void events.refetch()} kept={events.dataUpdatedAt} />}
      {events.data.length === 0 ? (
        <Empty>There are no events: the cluster keeps them for about an hour. The timeline stays.</Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
        <section className={events.error ? 'scroll-x stale' : 'scroll-x'} aria-label="Events" tabIndex={0}>
          <EventTable events={events.data} />
        </section>
      )}
    </>
  );
}
