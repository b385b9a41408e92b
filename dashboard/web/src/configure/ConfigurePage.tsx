import { Alert, Button, Group, Select, Tabs, Text } from '@mantine/core';
import { useDebouncedValue, useHotkeys } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { ConfigChange, ConfigChangePhase, ReleaseSource } from '~/api/kinds';
import { toRelease, useRight } from '~/api/rights';
import { type ChartQuestion, readChart } from '~/api/views';
import { useKeys } from '~/parts/keys';
import { Empty, Failure, Loading } from '~/parts/states';
import { PlanOf } from '~/release/PlanOf';
import { usePlans } from '~/release/plans';
import { blobOf } from './blob';
import { ChangeState, Stale } from './ChangeState';
import { ChartVersion } from './ChartVersion';
import { editsOf } from './change';
import { sectionsOf } from './fields';
import { type Fault, faultsOf, findManifest, type Json, keysIn, type Path, placeOf, setValue } from './manifestText';
import { Problems } from './Problems';
import { SendBar } from './SendBar';
import { SettingsForm } from './SettingsForm';
import { problemsOf } from './schemaProblems';
import { useDraft } from './useDraft';
import { useSource } from './useSource';
import type { EditorHandle } from './YamlEditor';
import './configure.css';
import '~/release/release.css';

const YamlEditor = lazy(() => import('./YamlEditor').then((each) => ({ default: each.YamlEditor })));

/** What only files say; a release knows nothing of it. */
const OF_FILES = new Set(['deploy', 'preview', 'cleanup']);

/** Reads the chart of a manifest; what an expression would become is not known here. */
function chartOf(manifest: Record<string, Json> | undefined): ChartQuestion | undefined {
  const chart = manifest?.chart;
  if (typeof chart !== 'object' || chart === null || Array.isArray(chart)) return undefined;
  const { name, repository, version } = chart;
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : undefined);
  if (typeof name !== 'string' || JSON.stringify(chart).includes('{{')) return undefined;
  return { name, repository: text(repository), version: text(version) };
}

/** Changes the manifest of an app by a form, as YAML, or both; sent as one commit or one pull request. */
export function ConfigurePage() {
  const { namespace = '', app = '', environment = '' } = useParams({ strict: false });
  const { ns, repository, branch, file, view = 'changes', q = '', only = 'all', change } = useSearch({ strict: false });
  const navigate = useNavigate();
  const set = (next: Record<string, string | undefined>) =>
    void navigate({ to: '.', replace: true, search: (old) => ({ ...old, ...next }) });

  const source = useSource({ namespace, app, environment, repository, branch, file });
  const known = source.repository && source.path !== undefined && source.loadedAt > 0;
  const key = `${namespace}/${source.repository?.metadata.name}/${source.branch}/${source.path}`;
  const fresh = `app: ${app}\nenv: ${environment}\nnamespace: ${namespace}\nchart:\n  name: app\nvalues:\n  replicas: 1\n`;
  const draft = useDraft(key, source.file, known === true, fresh);
  const { text, base } = draft;
  const [writing, setWriting] = useState<string>();
  const latest = useRef(draft);
  useEffect(() => {
    latest.current = draft;
  });
  const heard = async ({ metadata, spec }: ConfigChange, phase: ConfigChangePhase) => {
    setWriting(phase === 'Pending' ? metadata.name : undefined);
    if (phase === 'Conflict') latest.current.doubt();
    const here =
      spec.repository === source.repository?.metadata.name && spec.path === source.path && spec.branch === branch;
    const written = (phase === 'Committed' || phase === 'Unchanged') && spec.mode !== 'PullRequest';
    if (!here || !written || spec.content === undefined) return;
    const blob = await blobOf(spec.content, spec.baseBlob);
    if (blob) latest.current.take({ blob, content: spec.content }, spec.baseBlob);
  };

  const right = useRight({ verb: 'create', resource: 'configchanges', namespace });
  const planning = useRight(toRelease(namespace));
  const faults = useMemo(() => faultsOf(text), [text]);
  const now = useMemo(() => findManifest(text, app, environment), [text, app, environment]);
  const before = useMemo(() => findManifest(base.content, app, environment), [base.content, app, environment]);
  const edits = useMemo(() => editsOf(before?.value, now?.value), [before, now]);

  const question = chartOf(now?.value);
  const chart = useQuery({
    queryKey: ['chart', namespace, environment, question],
    queryFn: () => readChart(namespace, environment, question ?? { name: '' }),
    enabled: question !== undefined,
    staleTime: 300_000,
  });
  const sections = useMemo(() => sectionsOf(chart.data?.schema), [chart.data]);
  const problems = useMemo(() => {
    if (!now) return faults;
    const found = problemsOf(chart.data?.schema, now.value.values, chart.data?.values);
    const places = keysIn(
      text,
      now.at,
      found.map(({ path }) => ['values', ...path]),
    );
    const inValues = found.map(({ path, message, warning }, at): Fault => {
      const told = /^unknown key/.test(message) ? message : `${path.join('.') || 'values'}: ${message}`;
      return { message: told, from: places[at]?.from ?? 0, to: places[at]?.to ?? 0, warning };
    });
    return [...faults, ...inValues].sort((a, b) => a.from - b.from);
  }, [chart.data, now, text, faults]);

  const [rendered] = useDebouncedValue(now?.value, 500);
  const orders = useMemo(() => {
    if (view !== 'rendered' || !rendered || !planning.allowed) return [];
    const manifest = Object.fromEntries(Object.entries(rendered).filter(([name]) => !OF_FILES.has(name)));
    const { version, vars } = source.artifact?.spec ?? {};
    const how = { manifest, ...(version ? { version } : {}), ...(vars ? { vars } : {}) };
    const made: ReleaseSource = how;
    return [{ namespace, app, environment, source: made }];
  }, [view, rendered, planning.allowed, source.artifact, namespace, app, environment]);
  const [plan] = usePlans(orders);

  const editor = useRef<EditorHandle>(undefined);
  const [ready, setReady] = useState(false);
  const onReady = useCallback((handle: EditorHandle | undefined) => {
    editor.current = handle;
    setReady(handle !== undefined);
  }, []);
  const search = useRef<HTMLInputElement>(null);
  const message = useRef<HTMLInputElement>(null);
  /** Shows the editor, and does something there; it may have to be drawn first. */
  const inEditor = (shown: string, run: (editor: EditorHandle | undefined) => void) => {
    if (view !== shown) set({ view: shown });
    setTimeout(() => run(editor.current), ready && view === shown ? 0 : 150);
  };
  const hasEditor = view === 'yaml' || view === 'changes';
  const go = (at: number) => inEditor(hasEditor ? view : 'yaml', (editor) => editor?.go(at));
  const jump = (path: Path) => go(placeOf(text, now?.at ?? 0, path));
  const write = (path: Path, value: Json | undefined) => {
    const next = now && setValue(text, now.at, path, value);
    if (next !== undefined) draft.set(next);
    else {
      notifications.show({ message: 'The form cannot change this without touching more than it: change it in YAML.' });
      jump(path);
    }
    return next !== undefined;
  };
  const nextChange = (by: 1 | -1) => inEditor('changes', (editor) => editor?.change(by));
  const swap = () => {
    const there = document.activeElement?.closest('.yaml-editor');
    if (there) search.current?.focus();
    else inEditor(hasEditor ? view : 'yaml', (editor) => editor?.focus());
  };
  useKeys([
    { key: '/', label: 'search settings', run: () => search.current?.focus() },
    { key: 'Alt+ArrowDown', label: 'next change', run: () => nextChange(1) },
    { key: 'Alt+ArrowUp', label: 'change before', run: () => nextChange(-1) },
    { key: 'F6', label: 'form or editor', run: swap },
    { key: 'Mod+S', label: 'message, to send', run: () => message.current?.focus() },
  ]);
  // From within a field, too, where keys of pages are silent.
  useHotkeys(
    [
      ['mod+S', () => message.current?.focus()],
      ['F6', swap],
      ['alt+ArrowDown', () => nextChange(1)],
      ['alt+ArrowUp', () => nextChange(-1)],
    ],
    [],
    true,
  );

  const broken = faults.length > 0 && 'The text is no valid YAML: the form waits until it is.';
  const none = !now && `The file has no manifest of ${app} in ${environment}.`;
  const names = source.files.map(({ path }) => path);
  return (
    <>
      <div className="page-head">
        <h1>
          <Link
            to="/apps/$namespace/$app/$environment"
            params={{ namespace, app, environment }}
            search={{ ns }}
            className="quiet-link"
          >
            {app} → {environment}
          </Link>
          {chart.data && question ? (
            <ChartVersion
              namespace={namespace}
              environment={environment}
              question={question}
              chart={chart.data}
              disabled={!now || faults.length > 0}
              onChoose={(version) => {
                // What the other version makes of the values is what its objects become.
                if (write(['chart', 'version'], version)) set({ view: planning.allowed ? 'rendered' : 'changes' });
              }}
            />
          ) : (
            <Text span size="sm" c="dimmed">
              configure
            </Text>
          )}
        </h1>
        <Group gap="xs">
          <Select
            size="xs"
            w={170}
            aria-label="Repository"
            placeholder="Repository"
            data={source.repositories.map(({ metadata }) => metadata.name)}
            value={source.repository?.metadata.name ?? null}
            onChange={(name) => set({ repository: name ?? undefined, branch: undefined, file: undefined })}
          />
          <Select
            size="xs"
            w={250}
            aria-label="File"
            placeholder="File"
            data={[...new Set([...names, ...(source.path ? [source.path] : [])])]}
            value={source.path ?? null}
            onChange={(path) => set({ file: path ?? undefined })}
          />
        </Group>
      </div>
      {change && (
        <ChangeState
          namespace={namespace}
          name={change}
          onPhase={(told, phase) => void heard(told, phase)}
          close={() => set({ change: undefined })}
        />
      )}
      {source.error ? <Failure error={source.error} again={source.again} kept={known === true} /> : null}
      {source.pending && <Loading lines={10} />}
      {!source.pending && !source.error && !source.repository && (
        <Empty>
          No Repository is known to have the manifest of {app}. Choose one above, or create one for it first.
        </Empty>
      )}
      {!source.pending && source.repository && source.loadedAt > 0 && source.path === undefined && (
        <Empty
          next={
            <Button
              size="sm"
              variant="default"
              onClick={() => set({ file: `.gimlet/${app}-${environment}.yaml`, view: 'yaml' })}
            >
              Begin .gimlet/{app}-{environment}.yaml
            </Button>
          }
        >
          {source.repository.metadata.name} has no manifest of {app} in {environment}.
        </Empty>
      )}
      {known && source.file && typeof source.file.content !== 'string' && (
        <Empty>The file is no text, or too large to be shown here: change it in a checkout.</Empty>
      )}
      {known && (!source.file || typeof source.file.content === 'string') && (
        <div className={source.error ? 'stale' : undefined}>
          <Stale
            draft={draft}
            onMerged={(conflicts) => {
              set({ view: 'changes' });
              notifications.show({
                color: conflicts > 0 ? 'orange' : 'green',
                message:
                  conflicts > 0
                    ? `${conflicts} places were changed by both: they are marked with <<<<<<< in the text.`
                    : 'Merged: both changes are in the text.',
              });
            }}
          />
          <div className="configure">
            <section className="panel" aria-label="Settings">
              {broken || none ? (
                <Alert m="sm" color="yellow" variant="light" p="xs">
                  {broken || none}
                </Alert>
              ) : null}
              {!question && now && <Empty>The chart is none, or named by an expression: edit the YAML.</Empty>}
              {chart.error && <Failure error={chart.error} again={() => void chart.refetch()} />}
              {question && chart.isPending && <Loading />}
              {chart.data && sections.length === 0 && <Empty>The chart has no schema: edit the YAML.</Empty>}
              {sections.length > 0 && (
                <SettingsForm
                  sections={sections}
                  values={now?.value.values}
                  before={before?.value.values}
                  defaults={chart.data?.values}
                  disabled={!now || faults.length > 0}
                  search={q}
                  only={only === 'set' || only === 'changed' ? only : 'all'}
                  searchPlace={search}
                  onSearch={(q) => set({ q: q || undefined })}
                  onOnly={(only) => set({ only: only === 'all' ? undefined : only })}
                  onChange={(path, value) => void write(['values', ...path], value)}
                  onYaml={(path) => jump(['values', ...path])}
                />
              )}
            </section>
            <section className="panel" aria-label="Manifest">
              <Tabs value={view} onChange={(view) => set({ view: view ?? undefined })} className="configure-tabs">
                <Tabs.List>
                  <Tabs.Tab value="changes">Changes {edits.length || ''}</Tabs.Tab>
                  <Tabs.Tab value="yaml">YAML</Tabs.Tab>
                  <Tabs.Tab value="rendered">Rendered</Tabs.Tab>
                  <Tabs.Tab value="problems">Problems {problems.length}</Tabs.Tab>
                </Tabs.List>
              </Tabs>
              <div className="configure-body">
                {hasEditor && (
                  <Suspense fallback={<Loading />}>
                    <YamlEditor
                      text={text}
                      original={view === 'changes' && base.blob && draft.changed ? base.content : undefined}
                      faults={problems}
                      readOnly={false}
                      label="Deploy manifest"
                      onChange={draft.set}
                      onReady={onReady}
                    />
                  </Suspense>
                )}
                {view === 'rendered' && (
                  <div className="panel-body">
                    {!planning.allowed && <Alert color="gray">{planning.text}</Alert>}
                    <PlanOf name={environment} plan={plan} card={undefined} rollback={false} open />
                  </div>
                )}
                {view === 'problems' && <Problems text={text} problems={problems} onGo={go} />}
              </div>
            </section>
          </div>
          <SendBar
            place={{ namespace, app, environment }}
            repository={source.repository?.metadata.name ?? ''}
            branch={branch}
            target={source.branch}
            path={source.path ?? ''}
            draft={draft}
            edits={edits}
            right={right}
            unless={
              broken ||
              (change !== undefined && change === writing && 'The change that was sent is being written.') ||
              (draft.theirs && 'Merge the change of somebody else first.')
            }
            messagePlace={message}
            onSent={(name) => set({ change: name })}
          />
        </div>
      )}
    </>
  );
}
