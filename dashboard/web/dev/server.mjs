// A backend that keeps the dashboard's contract with a seeded world, for development and tests. Never shipped.
//   node dev/server.mjs [--port 8788] [--user alice|viewer] [--still] [--signed-out] [--empty] [--rows N] [--rate N]
// It serves dist/ too, under the same content security policy as the real server.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';
import * as world from './data.mjs';
import * as manifests from './manifests.mjs';
import { startMoving } from './moving.mjs';
import { cellOf, environmentCard, releaseRow, rowsOf, shut } from './overview.mjs';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8788' },
    user: { type: 'string', default: 'alice' },
    rows: { type: 'string' },
    rate: { type: 'string' },
    still: { type: 'boolean', default: false },
    empty: { type: 'boolean', default: false },
    'signed-out': { type: 'boolean', default: false },
    // As if people signed in at a provider, and it had just refused somebody.
    provider: { type: 'boolean', default: false },
    refused: { type: 'boolean', default: false },
  },
});
const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};
const viewer = options.user === 'viewer';
const nobody = options.user === 'nobody';
let signedIn = !options['signed-out'];

if (options.empty)
  for (const list of [world.apps, world.environments, world.releases, world.sets, world.artifacts, world.repositories])
    list.length = 0;

const kinds = {
  apps: world.apps,
  environments: world.environments,
  releases: world.releases,
  artifacts: world.artifacts,
  repositories: world.repositories,
  approvals: world.approvals,
  configchanges: manifests.configChanges,
  releasesets: world.sets,
};
const kindNames = {
  apps: 'App',
  environments: 'Environment',
  releases: 'Release',
  artifacts: 'Artifact',
  repositories: 'Repository',
  approvals: 'Approval',
  configchanges: 'ConfigChange',
  releasesets: 'ReleaseSet',
};

class Refusal extends Error {
  constructor(status, reason, detail) {
    super(detail);
    Object.assign(this, { status, reason });
  }
}

/* ---- live ---- */
const sockets = new Set();
const synthetic = options.rows ? rowsOf(world, Number(options.rows)) : [];
const overview = () => ({
  rows: synthetic.length ? synthetic : rowsOf(world),
  environments: [
    ...world.environments.map((environment) => environmentCard(environment)),
    ...(viewer && !options.empty ? [shut] : []),
  ],
  releases: world.releases
    .map(releaseRow)
    .sort((a, b) => b.created.localeCompare(a.created))
    .slice(0, 50),
  revision: String(Date.now()),
});
const key = (kind, object) => `${kind}:${object.metadata.namespace}/${object.metadata.name}`;

function entriesOf({ kind, environment, name }) {
  if (kind === 'overview') {
    const { rows, environments, releases } = overview();
    return [
      ...rows.map((value) => ({ key: `row:${value.key}`, value })),
      ...environments.map((value) => ({ key: `env:${value.namespace}/${value.name}`, value })),
      ...releases.map((value) => ({ key: `rel:${value.namespace}/${value.name}`, value })),
    ];
  }
  if (kind === 'app') {
    return [
      ...world.apps
        .filter(({ metadata }) => metadata.name === `${name}.${environment}`)
        .map((value) => ({ key: key('app', value), value })),
      ...world.releases
        .filter(({ spec }) => spec.app === name && spec.environment === environment)
        .map((value) => ({ key: key('release', value), value })),
      ...[world.runningOf(name, environment)]
        .filter(Boolean)
        .map((value) => ({ key: `running:${world.NAMESPACE}/${name}.${environment}`, value })),
    ];
  }
  if (kind === 'denials')
    return options.empty ? [] : world.denials.map((value) => ({ key: `denied:${value.id}`, value }));
  if (kind === 'repository')
    return [
      ...world.repositories
        .filter(({ metadata }) => metadata.name === name)
        .map((value) => ({ key: key('repository', value), value })),
      { key: `news:${world.NAMESPACE}`, value: world.artifacts.length },
    ];
  if (kind === 'repositories') return world.repositories.map((value) => ({ key: key('repository', value), value }));
  if (kind === 'configchange')
    return manifests.configChanges
      .filter(({ metadata }) => metadata.name === name)
      .map((value) => ({
        key: key('change', value),
        value: { ...value, spec: { ...value.spec, content: undefined } },
      }));
  if (kind === 'releaseset')
    return [
      ...world.sets
        .filter(({ metadata }) => metadata.name === name)
        .map((set) => ({ key: key('set', set), value: { ...set, status: world.statusOfSet(set) } })),
      ...world.releases.filter(({ spec }) => spec.set === name).map((value) => ({ key: key('release', value), value })),
    ];
  if (kind === 'release') {
    return [
      ...world.releases
        .filter(({ metadata }) => metadata.name === name)
        .map((value) => ({ key: key('release', value), value })),
      ...world.approvals
        .filter(({ spec }) => spec.release === name)
        .map((value) => ({ key: key('approval', value), value })),
    ];
  }
  return [
    ...[...world.environments, world.unready]
      .filter(({ metadata }) => metadata.name === name)
      .map((value) => ({ key: key('environment', value), value })),
    ...world.apps.filter(({ spec }) => spec.environment === name).map((value) => ({ key: key('app', value), value })),
    ...[world.presenceOf(name)].filter(Boolean).map((value) => ({ key: `agent:${world.NAMESPACE}/${name}`, value })),
    {
      key: `queue:${world.NAMESPACE}/${name}`,
      value: world.releases.filter(({ spec, status }) => spec.environment === name && status?.phase === 'Queued')
        .length,
    },
  ];
}

/** Sends every subscriber what has changed since it was last told; at most ten times a second. */
let planned = false;
export function changed() {
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    for (const socket of sockets) for (const subscription of socket.subscriptions.values()) tell(socket, subscription);
  }, 100);
}

function tell(socket, subscription) {
  const entries = entriesOf(subscription.scope).map(({ key, value }) => [key, JSON.stringify(value)]);
  const now = new Map(entries);
  const upserts = entries
    .filter(([key, text]) => subscription.known.get(key) !== text)
    .map(([key, text]) => ({ key, value: JSON.parse(text) }));
  const deletes = [...subscription.known.keys()].filter((key) => !now.has(key));
  const first = subscription.seq === 0;
  subscription.known = now;
  if (!first && upserts.length + deletes.length === 0) return;
  const frame = { sub: subscription.id, seq: ++subscription.seq, upserts: first ? [] : upserts, deletes };
  socket.send(JSON.stringify(first ? { ...frame, snapshot: upserts } : frame));
}

/* ---- the API ---- */
const strip = (text) => JSON.parse(JSON.stringify(text));

function questionOf({ verb, resource, namespace }) {
  const allowed = ['get', 'list', 'watch'].includes(verb) || (!viewer && resource !== 'namespaces');
  return {
    allowed,
    text: allowed
      ? `you may ${verb} ${resource}`
      : `needs \`${verb} ${resource}\` ${namespace ? `in namespace \`${namespace}\`` : 'in the cluster'}; you are ${options.user}, groups dev`,
  };
}

function kubernetes(method, [plural, name], query, body) {
  const list = kinds[plural];
  if (!list) throw new Refusal(404, 'NotFound', `there is no kind ${plural}`);
  const found = list.find(({ metadata }) => metadata.name === name);
  if (method === 'GET' && !name) {
    const wanted = (query.get('fieldSelector') ?? '')
      .split(',')
      .filter(Boolean)
      .map((each) => each.split('='));
    const seen = (object) => (plural === 'releasesets' ? { ...object, status: world.statusOfSet(object) } : object);
    return {
      kind: `${kindNames[plural]}List`,
      items: list
        .map(seen)
        .filter((object) =>
          wanted.every(([path, value]) => path.split('.').reduce((at, part) => at?.[part], object) === value),
        ),
    };
  }
  if (method !== 'GET' && viewer) {
    const { app, environment } = body?.spec ?? {};
    const what = `${method === 'POST' ? 'create' : 'patch'} ${plural}`;
    const why = questionOf({ verb: what.split(' ')[0], resource: plural, namespace: world.NAMESPACE }).text;
    const time = new Date().toISOString();
    world.denials.unshift({
      id: world.hex(8),
      time,
      user: options.user,
      what,
      namespace: world.NAMESPACE,
      app,
      environment,
      why,
    });
    changed();
  }
  if (method !== 'GET' && viewer)
    throw new Refusal(
      403,
      'Forbidden',
      questionOf({ verb: method === 'POST' ? 'create' : 'patch', resource: plural, namespace: world.NAMESPACE }).text,
    );
  if (method === 'POST') return create(plural, list, query, body);
  if (!found) throw new Refusal(404, 'NotFound', `${plural} "${name}" not found`);
  if (method === 'PATCH' && body.spec?.approval?.count > 20)
    throw new Refusal(
      422,
      'Invalid',
      `${kindNames[plural]}.gimlet.io "${name}" is invalid: spec.approval.count: Invalid value: ${body.spec.approval.count}: should be less than or equal to 20`,
    );
  if (method === 'PATCH' && query.get('dryRun')) {
    const judged = strip(found);
    merge(judged, body);
    return judged;
  }
  if (method === 'PATCH') {
    merge(found, body);
    if (body.spec) found.metadata.generation = (found.metadata.generation ?? 1) + 1;
    world.follow(plural, found, body);
    if (plural === 'repositories' && body.status?.head) manifests.editElsewhere(name);
  }
  if (method === 'DELETE') list.splice(list.indexOf(found), 1);
  if (method === 'PATCH' && body.spec?.cancel)
    for (const each of plural === 'releasesets' ? world.releases.filter(({ spec }) => spec.set === name) : [found])
      moving.end(each, 'Cancelled');
  if (method !== 'GET') changed();
  return found;
}

function create(plural, list, query, body) {
  const { spec } = body;
  if (plural === 'releases' && spec.rollbackTo && !spec.reason)
    throw new Refusal(422, 'Invalid', 'a rollback needs a reason: set reason, people and the audit log will read it');
  if (plural === 'releases' && spec.environment === 'prod-us' && spec.promoteFrom)
    throw new Refusal(422, 'Invalid', 'nothing to promote: staging runs no artifact of the app');
  const name = body.metadata.name ?? `${body.metadata.generateName}${world.hex(5)}`;
  const made = {
    ...body,
    metadata: {
      ...body.metadata,
      name,
      namespace: body.metadata.namespace ?? world.NAMESPACE,
      uid: world.hex(12),
      creationTimestamp: new Date().toISOString(),
      annotations: { 'gimlet.io/created-by': options.user },
    },
  };
  if (query.get('dryRun')) return made;
  list.push(made);
  if (plural === 'releases') moving.begin(made);
  if (plural === 'releasesets')
    for (const app of spec.apps) {
      const { apps: _, ...each } = spec;
      const metadata = { name: `${app}.${spec.environment}-${world.hex(10)}`, namespace: made.metadata.namespace };
      create('releases', kinds.releases, query, {
        ...body,
        kind: 'Release',
        metadata,
        spec: { ...each, app, set: name },
      });
    }
  if (plural === 'approvals') moving.judge(made);
  if (plural === 'configchanges') manifests.writeFile(made, changed);
  if (plural === 'environments') setTimeout(() => look(made), 400);
  changed();
  return made;
}

/** Does what the operator does with a new environment: it writes the files of Flux. */
function look(environment) {
  const commit = world.hex(40);
  environment.status = {
    conditions: [
      world.condition('Ready', 'True', 'Ready', 'releases reach git; Flux here does not follow them'),
      world.condition('GitReady', 'True', 'Reachable', 'branch main, staging-2/'),
      world.condition(
        'FluxReady',
        'Unknown',
        'NotConnected',
        'Flux in this cluster does not follow the environment; connect it once',
      ),
    ],
    head: { commit, short: commit.slice(0, 7), time: new Date().toISOString() },
    apps: 0,
  };
  changed();
}

/** Makes what an environment needs before it can be there. */
const secrets = new Set(['team-shop/gitops']);
function groundwork(what, body) {
  const verb = what === 'namespaces' ? 'create namespaces' : 'create secrets';
  if (viewer) throw new Refusal(403, 'Forbidden', `needs \`${verb}\`; you are ${options.user}, groups dev`);
  if (what === 'namespaces') {
    if (body.name === world.NAMESPACE) return { made: false };
    throw new Refusal(403, 'Forbidden', `User "${options.user}" cannot create resource "namespaces"`);
  }
  const id = `${body.namespace}/${body.name}`;
  if (secrets.has(id))
    throw new Refusal(
      409,
      'AlreadyExists',
      `there is a Secret ${body.name} in namespace ${body.namespace} already, and it stays as it is: take that one, or choose another name`,
    );
  secrets.add(id);
  return { made: true };
}

function merge(target, change) {
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete target[name];
    else if (typeof value === 'object' && !Array.isArray(value)) {
      target[name] ??= {};
      merge(target[name], value);
    } else target[name] = value;
  }
}

function view(parts, query) {
  if (parts[0] === 'openapi.json') return { info: { version: '0.1.0' } };
  const [, , of, name, what, app, last] = parts;
  if (of === 'releases') {
    const release = world.releases.find(({ metadata }) => metadata.name === name);
    if (!release) throw new Refusal(404, 'NotFound', `releases "${name}" not found`);
    return { digest: release.status?.plan?.digest, difference: world.difference };
  }
  if (of === 'environments' && what === 'history') {
    const before = query.get('before');
    const all = world.history
      .filter((entry) => entry.environment === name)
      .filter((entry) => !query.get('app') || entry.app === query.get('app'))
      .filter((entry) => !query.get('person') || entry.requestedBy === query.get('person'))
      .filter((entry) => !query.get('since') || entry.time >= query.get('since'))
      .filter((entry) => !query.get('until') || entry.time <= query.get('until'));
    const start = before ? all.findIndex(({ commit }) => commit === before) + 1 : 0;
    const limit = Number(query.get('limit') ?? 50);
    const items = all.slice(start, start + limit).map(({ environment: _, ...entry }) => entry);
    return { items, ...(all.length > start + limit ? { next: items.at(-1).commit } : {}) };
  }
  if (of === 'environments' && what === 'chart' && app === 'versions') {
    const versions = query.get('repository') ? world.chartVersions : [];
    return { versions, newer: Math.max(0, versions.indexOf(query.get('than'))) };
  }
  if (of === 'environments' && what === 'chart') {
    const [newest] = world.chartVersions;
    const elsewhere = query.get('repository') && { name: query.get('name'), version: query.get('version') ?? newest };
    return { ...world.chart, ...elsewhere };
  }
  if (of === 'repositories' && what === 'files')
    return { commit: world.hex(40), files: manifests.filesOf(name), cut: false };
  if (of === 'environments' && what === 'apps' && last === 'diff') return world.difference;
  if (of === 'environments' && what === 'apps')
    return {
      files: [
        {
          name: `deployment-${app}.yaml`,
          content: `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ${app}\nspec:\n  replicas: 3\n`,
        },
      ],
    };
  if (of === 'repositories' && what === 'branches')
    return {
      items: [
        { name: 'main', commit: world.hex(40), default: true, protected: true },
        { name: 'new-cart', commit: world.hex(40), default: false },
      ],
      ...(name === 'search' ? {} : { rateLimit: { limit: 5000, remaining: 4312, reset: world.START_HOUR } }),
    };
  if (of === 'repositories' && what === 'tags') return { items: world.tags(name) };
  if (of === 'repositories' && what === 'pull-requests')
    return {
      items: [
        {
          number: 214,
          title: 'new cart',
          url: 'https://git.example.com/shop-org/checkout/pulls/214',
          branch: 'new-cart',
          commit: world.hex(40),
          targetBranch: 'main',
          draft: false,
          fromFork: false,
          author: 'carol',
        },
      ],
    };
  if (of === 'repositories' && what === 'commits' && last === 'statuses')
    return { items: world.commits(name).find(({ commit }) => commit === app)?.statuses ?? [] };
  if (of === 'repositories' && what === 'commits') {
    if (name === 'search')
      throw new Refusal(429, 'RateLimited', 'the host takes no more requests from the operator until 13:05');
    return { branch: query.get('branch') ?? 'main', items: query.get('cursor') ? [] : world.commits(name) };
  }
  throw new Refusal(404, 'NotFound', 'there is no such view');
}

async function answer(request, url) {
  const parts = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  const path = url.pathname;
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const body = text ? JSON.parse(text) : undefined;
  if (path === '/api/v1/config') {
    return {
      version: '0.1.0',
      readOnly: false,
      cluster: 'hub-1',
      ...(options.provider ? { provider: 'Acme' } : {}),
      ...(options.refused
        ? {
            refused: {
              reason: 'IssuerUnreachable',
              detail:
                'the issuer https://id.example.com cannot be reached: Connection refused (os error 111): look at its address, the network, and the authority that is trusted for it (--oidc-ca)',
            },
          }
        : {}),
    };
  }
  if (path === '/api/v1/session' && request.method === 'DELETE') signedIn = false;
  if (path === '/api/v1/session' && request.method === 'POST') {
    if (body.token === 'wrong')
      throw new Refusal(
        401,
        'Unauthorized',
        'the API server does not know this token: it has expired, or is of another cluster',
      );
    signedIn = true;
  }
  if (path === '/api/v1/session') return undefined;
  if (!signedIn) throw new Refusal(401, 'Unauthorized', 'sign in first');
  if (path === '/api/v1/me')
    return {
      user: nobody ? 'eve@example.com' : options.user,
      groups: nobody ? ['system:authenticated'] : ['dev'],
      expires: new Date(Date.now() + 8 * 3600_000).toISOString(),
      ...(nobody ? { missingClaim: 'groups' } : {}),
    };
  if (nobody && path === '/api/v1/rights')
    return body.map(({ verb, resource, namespace }) => ({
      allowed: false,
      text: `needs \`${verb} ${resource}\` in namespace \`${namespace}\`; you are eve@example.com, groups system:authenticated`,
    }));
  if (nobody && path === '/api/v1/namespaces') return { namespaces: [] };
  if (nobody) throw new Refusal(403, 'Forbidden', 'needs `list apps` in some namespace; you are eve@example.com');
  if (path === '/api/v1/rights') return body.map(questionOf);
  if (request.method === 'POST' && ['/api/v1/namespaces', '/api/v1/credentials'].includes(path))
    return groundwork(parts[2], body);
  if (path === '/api/v1/namespaces') return { namespaces: [world.NAMESPACE] };
  if (path === '/api/v1/access') return world.accessFor(viewer);
  if (path === '/api/v1/overview') return overview();
  if (path === '/api/v1/denials') return { items: options.empty ? [] : world.denials };
  if (path.startsWith('/api/agents/') && parts.length === 4) return { agent: world.presenceOf(parts[3]) };
  if (path.startsWith('/api/agents/') && parts.length === 6) return { running: world.runningOf(parts[5], parts[3]) };
  if (path.startsWith('/api/agents/')) return agent(url, parts, body);
  if (path.startsWith('/api/v1/views/')) return view(parts.slice(3), url.searchParams);
  if (path === `/apis/events.k8s.io/v1/namespaces/${world.NAMESPACE}/events`) {
    const [, name] = /regarding\.name=([^,]+)/.exec(url.searchParams.get('fieldSelector') ?? '') ?? [];
    if (name) return { items: world.eventsOfRelease(name) };
    return { items: world.failedNotifications };
  }
  if (path.startsWith('/apis/gimlet.io/v1alpha1/namespaces/'))
    return kubernetes(request.method, parts.slice(5), url.searchParams, body);
  throw new Refusal(404, 'NotFound', `there is no ${path}`);
}

/** What the agent of an environment does on demand. */
function agent(url, [, , , environment, what, app, last], body) {
  if (environment !== 'prod-us')
    throw new Refusal(
      409,
      'NotByAgent',
      `environment ${environment} has no agent: ask the cluster that it is applied to`,
    );
  if (viewer)
    throw new Refusal(
      403,
      'Forbidden',
      'viewer has no right to this in the cluster of prod-us: needs `get pods/log` in namespace `shop`',
    );
  if (what === 'apps' && last === 'events') return { items: world.eventsOf(app) };
  if (what === 'apps' && last === 'usage') return { items: world.usageOf(app, environment) };
  if (what === 'restart') return { message: `the pods of ${body.kind} shop/${body.name} are started again` };
  if (what === 'resume') {
    world.suspended.delete(`${body.name}.${environment}`);
    changed();
    return { message: `Flux goes on with ${body.kind} flux-system/${body.name}` };
  }
  if (what === 'reconcile') return { message: `Flux is asked to look at ${body.kind} flux-system/${body.name} now` };
  return new Log(app, Object.fromEntries(url.searchParams));
}

/** A log that is answered line by line, and goes on where it is followed. */
class Log {
  constructor(app, query) {
    Object.assign(this, { app, query });
  }

  send(response) {
    const { app, query } = this;
    const line = (object) => response.write(`${JSON.stringify(object)}\n`);
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    if (query.sinceSeconds) line({ dropped: 3 });
    for (const each of world.logOf(app, query, query.previous === 'true' ? 20 : 120)) line(each);
    if (query.follow !== 'true') return response.end();
    if (options.still) return;
    const timer = setInterval(() => {
      const [each] = world.logOf(app, query, 1);
      line({ ...each, time: new Date().toISOString() });
    }, 300);
    response.on('close', () => clearInterval(timer));
  }
}

async function asset(path, response) {
  const file = normalize(join(DIST, path === '/' ? 'index.html' : path));
  const nonce = randomBytes(16).toString('base64');
  let content = file.startsWith(DIST) && extname(file) ? await readFile(file).catch(() => undefined) : undefined;
  const type = content ? (TYPES[extname(file)] ?? 'application/octet-stream') : TYPES['.html'];
  content ??= await readFile(join(DIST, 'index.html'));
  if (type === TYPES['.html'])
    content = content.toString().replace('name="csp-nonce" content=""', `name="csp-nonce" content="${nonce}"`);
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Security-Policy': `default-src 'self'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'`,
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(content);
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://fake');
  try {
    if (!/^\/(api|apis|auth)\//.test(url.pathname)) return await asset(url.pathname, response);
    const body = await answer(request, url);
    if (body instanceof Log) return body.send(response);
    if (body === undefined) return response.writeHead(204).end();
    response.writeHead(request.method === 'POST' ? 201 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(strip(body)));
  } catch (refusal) {
    const status = refusal.status ?? 500;
    response.writeHead(status, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify({ status, reason: refusal.reason ?? 'Failed', detail: refusal.message }));
  }
});

const live = new WebSocketServer({ server, path: '/api/v1/live' });
live.on('connection', (socket) => {
  socket.subscriptions = new Map();
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  socket.on('message', (data) => {
    const { op, id, scope } = JSON.parse(data);
    if (nobody && op === 'sub')
      return socket.send(
        JSON.stringify({
          sub: id,
          error: { status: 403, reason: 'Forbidden', detail: 'needs `watch apps` in some namespace' },
        }),
      );
    if (op === 'unsub') socket.subscriptions.delete(id);
    if (op !== 'sub') return;
    const subscription = { id, scope, seq: 0, known: new Map() };
    socket.subscriptions.set(id, subscription);
    tell(socket, subscription);
  });
});
setInterval(() => {
  for (const socket of sockets) socket.send('{"op":"ping"}');
}, 15_000);

const moving = startMoving(world, changed, {
  still: options.still,
  rate: Number(options.rate ?? 0),
  rows: synthetic,
  cellOf,
});
server.listen(Number(options.port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
