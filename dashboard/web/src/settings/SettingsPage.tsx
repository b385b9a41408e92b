import { Code, SegmentedControl, Stack, Switch, Text, useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useConfig, useMe } from '~/api/rights';
import { type RightQuestion, readNamespaces } from '~/api/server';
import { prefer, usePreferences } from '~/domain/preferences';
import { absolute } from '~/domain/time';
import { RightLine } from '~/parts/RightLine';
import { Failure, Loading } from '~/parts/states';

/** Who you are, what you may, and how it looks. */
export function SettingsPage() {
  return (
    <>
      <div className="page-head">
        <h1>Settings</h1>
      </div>
      <div className="columns">
        <You />
        <Stack gap="md">
          <Appearance />
          <About />
        </Stack>
      </div>
    </>
  );
}

const rights: { text: string; question: Omit<RightQuestion, 'namespace'> }[] = [
  { text: 'see apps', question: { verb: 'list', resource: 'apps' } },
  { text: 'release, promote, roll back', question: { verb: 'create', resource: 'releases' } },
  { text: 'approve and reject', question: { verb: 'create', resource: 'approvals' } },
  { text: 'cancel and confirm', question: { verb: 'patch', resource: 'releases' } },
  { text: 'hold and lock apps', question: { verb: 'patch', resource: 'apps' } },
  { text: 'lock environments', question: { verb: 'patch', resource: 'environments' } },
  { text: 'see repositories and commits', question: { verb: 'list', resource: 'repositories' } },
];

function You() {
  const me = useMe();
  const { ns } = useSearch({ strict: false });
  const namespaces = useQuery({ queryKey: ['namespaces'], queryFn: readNamespaces, staleTime: 60_000 });
  const shown = ns ? [ns] : (namespaces.data ?? []);
  return (
    <section className="panel" aria-label="You">
      <header>
        <h2>You</h2>
      </header>
      <div className="panel-body">
        {me.isPending && <Loading lines={3} />}
        {me.error && <Failure error={me.error} again={() => void me.refetch()} />}
        {me.data && (
          <dl className="facts">
            <dt>User</dt>
            <dd className="mono">{me.data.user}</dd>
            <dt>Groups</dt>
            <dd className="mono">{me.data.groups.join(', ') || 'none'}</dd>
            <dt>Session until</dt>
            <dd>{absolute(me.data.expires)}</dd>
            <dt>On the command line</dt>
            <dd>
              <Code>gimlet login {location.origin}</Code>
            </dd>
          </dl>
        )}
        {namespaces.error && <Failure error={namespaces.error} again={() => void namespaces.refetch()} />}
        {shown.map((namespace) => (
          <table key={namespace} className="data rights">
            <caption className="visually-hidden">What you may do in {namespace}</caption>
            <thead>
              <tr>
                <th>In {namespace} you may</th>
                <th>Answer of the API server</th>
              </tr>
            </thead>
            <tbody>
              {rights.map(({ text, question }) => (
                <RightLine key={text} text={text} question={{ ...question, namespace }} />
              ))}
            </tbody>
          </table>
        ))}
      </div>
    </section>
  );
}

function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { dense, singleKeys, splitDiff } = usePreferences();
  return (
    <section className="panel" aria-label="Appearance">
      <header>
        <h2>Appearance</h2>
      </header>
      <Stack className="panel-body" gap="sm" align="flex-start">
        <SegmentedControl
          size="xs"
          aria-label="Colours"
          value={colorScheme}
          onChange={(value) => setColorScheme(value === 'light' || value === 'dark' ? value : 'auto')}
          data={[
            { value: 'auto', label: 'As the system' },
            { value: 'light', label: 'Light' },
            { value: 'dark', label: 'Dark' },
          ]}
        />
        <Switch
          label="Low rows in the overview"
          checked={dense}
          onChange={(event) => prefer({ dense: event.currentTarget.checked })}
        />
        <Switch
          label="Differences side by side"
          checked={splitDiff}
          onChange={(event) => prefer({ splitDiff: event.currentTarget.checked })}
        />
        <Switch
          label="Single letters are keys"
          checked={singleKeys}
          onChange={(event) => prefer({ singleKeys: event.currentTarget.checked })}
        />
        <Text size="xs" c="dimmed">
          Kept in this browser only.
        </Text>
      </Stack>
    </section>
  );
}

function About() {
  const config = useConfig();
  return (
    <section className="panel" aria-label="About">
      <header>
        <h2>About</h2>
      </header>
      <div className="panel-body">
        {config.isPending && <Loading lines={3} />}
        {config.error && <Failure error={config.error} again={() => void config.refetch()} />}
        {config.data && (
          <dl className="facts">
            <dt>Gimlet</dt>
            <dd>{config.data.version}</dd>
            <dt>Cluster</dt>
            <dd>{config.data.cluster}</dd>
            <dt>Changes</dt>
            <dd>{config.data.readOnly ? 'turned off: --read-only' : 'as your rights allow'}</dd>
          </dl>
        )}
      </div>
    </section>
  );
}
