import { Button, Code, Drawer, Group, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { lastFaults } from '~/api/faults';
import { get } from '~/api/http';
import { useConfig, useMe } from '~/api/rights';
import type { Right, RightQuestion } from '~/api/server';
import { readOperatorVersion } from '~/api/views';
import { currentPreferences } from '~/domain/preferences';
import { zoneName } from '~/domain/time';
import { saveFile } from '~/parts/save';
import { Failure, Loading } from '~/parts/states';
import { bundleOf } from './diagnostics';
import { useEnvironments } from './useEnvironments';

/** Returns what was asked of rights, with the answers. */
const rightsIn = (queries: QueryClient) =>
  queries.getQueriesData<Right>({ queryKey: ['right'] }).flatMap(([key, right]) => {
    const question = key[1] as RightQuestion;
    return right ? [{ question, right }] : [];
  });

/** The version of each part, what it is made of, and what to send along when asking for help. */
export function About() {
  const config = useConfig();
  const me = useMe();
  const environments = useEnvironments();
  const queries = useQueryClient();
  const operator = useQuery({ queryKey: ['operator version'], queryFn: readOperatorVersion, staleTime: 300_000 });
  const [licences, { open, close }] = useDisclosure(false);
  const agents = (environments.data ?? []).flatMap(({ metadata, status }) => {
    const { agent } = status ?? {};
    if (!agent) return [];
    const { version, fluxVersion, lastContact } = agent;
    return [{ environment: `${metadata.namespace}/${metadata.name}`, agent: version, flux: fluxVersion, lastContact }];
  });
  const save = () => {
    const text = bundleOf({
      time: new Date().toISOString(),
      config: config.data,
      operator: operator.data,
      agents,
      me: me.data,
      rights: rightsIn(queries),
      faults: lastFaults(),
      preferences: currentPreferences(),
      browser: {
        agent: navigator.userAgent,
        languages: navigator.languages,
        zone: zoneName(),
        width: innerWidth,
        height: innerHeight,
        online: navigator.onLine,
      },
      page: location.pathname,
    });
    saveFile('gimlet-diagnostics.json', 'application/json', text);
  };
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
            <dt>Dashboard</dt>
            <dd>{config.data.version}</dd>
            <dt>Operator</dt>
            <dd>{operator.data ?? (operator.error ? `not known: ${operator.error.message}` : '—')}</dd>
            {agents.map(({ environment, agent, flux }) => [
              <dt key={`${environment} name`}>Agent of {environment.split('/')[1]}</dt>,
              <dd key={environment}>
                {agent}
                {flux && `, Flux ${flux}`}
              </dd>,
            ])}
            <dt>Command line</dt>
            <dd>
              <Code>gimlet version</Code>
            </dd>
            <dt>Cluster</dt>
            <dd>{config.data.cluster}</dd>
            <dt>Changes</dt>
            <dd>{config.data.readOnly ? 'turned off: --read-only' : 'as your rights allow'}</dd>
          </dl>
        )}
        <Group gap="xs" mt="md">
          <Button size="compact-sm" variant="default" onClick={open}>
            Licences
          </Button>
          <Button size="compact-sm" variant="default" onClick={save}>
            Diagnostics
          </Button>
          <Text size="xs" c="dimmed">
            A file with versions, your name and groups, rights, the last errors and the browser; no token.
          </Text>
        </Group>
      </div>
      <Drawer
        opened={licences}
        onClose={close}
        position="right"
        size={640}
        title="Licences of what the pages are made of"
      >
        {licences && <Licences />}
      </Drawer>
    </section>
  );
}

interface Licence {
  name: string;
  version: string;
  identifier?: string | null;
  text?: string;
}

/** Shows the list that is made when the pages are built. */
function Licences() {
  const list = useQuery({
    queryKey: ['licences'],
    queryFn: () => get<Licence[]>('/licenses.json'),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (list.error) return <Failure error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  return (
    <>
      <Text size="sm" mb="sm">
        Gimlet is Apache-2.0. The pages are made of {list.data.length} packages; those of each program are in its bill
        of materials.
      </Text>
      {list.data.map(({ name, version, identifier, text }) => (
        <details key={`${name} ${version}`} className="licence">
          <summary>
            {name} <span className="mono">{version}</span> {identifier ?? 'see its text'}
          </summary>
          <pre className="wrap">{text ?? 'The package has no file with its licence.'}</pre>
        </details>
      ))}
    </>
  );
}
