// What the server makes of the objects for the matrix.

const words = {
  Healthy: 'Healthy',
  Unchanged: 'Healthy',
  Failed: 'Failed',
  Rejected: 'Failed',
  Waiting: 'Waiting',
  Superseded: 'Ended',
  Cancelled: 'Ended',
};
const wordOf = (phase) => words[phase] ?? 'Progressing';
const first = (object) => object.status?.conditions?.find(({ type }) => type === 'Ready');

export function cellOf(world, app) {
  const { status } = app;
  const pending = world.releases.find(({ metadata }) => metadata.name === status.pending);
  const artifact = world.artifacts.find(({ metadata }) => metadata.name === status.current.artifact.name);
  const live = status.live.state;
  const word =
    live === 'Failed'
      ? 'Failed'
      : status.drift
        ? 'Drifted'
        : pending?.status?.phase === 'Waiting' || app.spec.hold
          ? 'Waiting'
          : pending
            ? 'Progressing'
            : live;
  const line = ({ version }) => `${version.repository} ${version.branch}`;
  const of = world.artifacts.filter(({ spec }) => line(spec) === line(artifact.spec));
  return {
    word,
    text:
      word === 'Failed'
        ? `${status.live.replicas} pods: ${first(app).message}`
        : word === 'Drifted'
          ? status.drift.git
          : first(app).message,
    version: status.current.version,
    message: artifact.spec.version.message,
    author: artifact.spec.version.author,
    time: status.current.time,
    release: status.current.name,
    ...(status.pending ? { pending: status.pending } : {}),
    behind: of.indexOf(artifact),
    ...(word === 'Waiting'
      ? { waitingFor: app.spec.hold ? `on hold: ${app.spec.hold.reason}` : `→ ${pending.status.version}: approval 0/1` }
      : {}),
  };
}

/** Rows of the real apps, and as many made-up ones as are asked for. */
export function rowsOf(world, count = 0) {
  const rows = new Map();
  for (const app of world.apps) {
    const { namespace } = app.metadata;
    const key = `${namespace}/${app.spec.app}`;
    if (!rows.has(key)) rows.set(key, { key, namespace, app: app.spec.app, cells: {} });
    const row = rows.get(key);
    row.cells[app.spec.environment] = cellOf(world, app);
    const artifact = world.artifacts.find(({ metadata }) => metadata.name === app.status.current.artifact.name);
    row.repository ??= artifact.spec.version.repository;
    row.partOf ??= app.metadata.labels?.['app.kubernetes.io/part-of'];
  }
  const real = [...rows.values()];
  if (!count) return real;
  return Array.from({ length: count }, (_, index) => {
    const base = real[index % real.length];
    const app = `${base.app}-${String(index).padStart(4, '0')}`;
    return { key: `${base.namespace}/${app}`, namespace: base.namespace, app, cells: structuredClone(base.cells) };
  });
}

const isHeard = (agent) => agent && Date.now() - Date.parse(agent.lastContact) < 60_000;

/** An environment of another namespace, in which apps may not be listed. */
export const shut = {
  namespace: 'team-vault',
  name: 'vault',
  word: 'Healthy',
  text: 'git and Flux are as they should be',
  url: 'https://git.example.com/vault/gitops',
  branch: 'main',
  path: '',
  appsHidden: true,
};

export function environmentCard({ metadata, spec, status }) {
  const ready = status?.conditions.find(({ type }) => type === 'Ready');
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    word: spec.suspend ? 'Waiting' : !ready ? 'Progressing' : ready.status === 'True' ? 'Healthy' : 'Failed',
    text: ready?.message,
    apps: status?.apps,
    head: status?.head,
    url: spec.gitops.url,
    branch: spec.gitops.branch,
    path: spec.gitops.path,
    lock: spec.lock ?? null,
    suspended: spec.suspend ?? false,
    promotesFrom: spec.promotion?.from ?? null,
    promotionMode: spec.promotion?.mode ?? null,
    approvals: spec.approval?.count ?? null,
    windows: Boolean(spec.windows),
    logs: metadata.annotations?.['gimlet.io/logs-url'],
    ...(spec.observedBy === 'Agent' && !isHeard(status?.agent) ? { away: { seen: status?.agent?.lastContact } } : {}),
  };
}

export function releaseRow({ metadata, spec, status }) {
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    app: spec.app,
    environment: spec.environment,
    kind: spec.planOnly ? 'plan' : spec.rollbackTo ? 'rollback' : spec.promoteFrom ? 'promote' : 'release',
    phase: status?.phase ?? 'Pending',
    word: wordOf(status?.phase),
    text: first({ status })?.message,
    version: status?.version,
    user: metadata.annotations?.['gimlet.io/created-by'],
    reason: spec.reason,
    created: metadata.creationTimestamp,
    ended: status?.timestamps?.ended,
    commit: status?.commit?.short,
  };
}
