// A seeded world for development and tests: 12 apps in 4 environments, with everything that can be wrong.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export const NAMESPACE = 'team-shop';
const API = 'gimlet.io/v1alpha1';
const START = Date.now();
const ago = (seconds) => new Date(START - seconds * 1000).toISOString().replace(/\.\d+Z/, 'Z');

/** A small generator with a seed: every start makes the same world. */
let seed = 42;
export const random = () => {
  seed = (seed * 1664525 + 1013904223) % 4294967296;
  return seed / 4294967296;
};
const pick = (list) => list[Math.floor(random() * list.length)];
export const hex = (length) => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');

export const APPS = [
  'checkout',
  'catalog',
  'search',
  'cart',
  'payments',
  'accounts',
  'shipping',
  'reviews',
  'mailer',
  'images',
  'gateway',
  'reports',
];
export const ENVIRONMENTS = ['dev', 'staging', 'prod-eu', 'prod-us'];
/** What some of them are a part of. */
const PARTS = {
  checkout: 'market',
  cart: 'market',
  payments: 'market',
  catalog: 'market',
  accounts: 'people',
  mailer: 'people',
};
const PEOPLE = ['ada', 'bob', 'carol', 'dan', 'ci'];
const MESSAGES = [
  'retry payments that time out',
  'fix rounding of totals',
  'bump dependencies',
  'show the new cart',
  'cache the catalogue for a minute',
  'log request ids',
  'faster search index',
  'drop the old API',
  'larger upload limit',
];

export const condition = (type, status, reason, message, at = 60) => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: ago(at),
  observedGeneration: 1,
});

/** What the agents said: that of prod-us is there, that of staging is silent. */
const agentOf = Object.fromEntries(
  [
    ['staging', 9 * 60],
    ['prod-us', 0],
  ].map(([name, age]) => [
    name,
    {
      version: '0.1.0',
      cluster: '7d1c5a9e-3f0b-4c55-9a41-0d7b7e2c11aa',
      fluxVersion: 'v2.9.0',
      get lastContact() {
        return new Date((age ? START : Date.now()) - age * 1000).toISOString();
      },
      flux: [
        {
          kind: 'GitRepository',
          name: `gimlet-${name}`,
          ready: true,
          reason: 'Succeeded',
          message: 'stored artifact for main',
          commit: '4e1f09c1aa',
        },
        {
          kind: 'Kustomization',
          name: `gimlet-${name}`,
          ready: true,
          reason: 'ReconciliationSucceeded',
          message: 'Applied revision: main@sha1:4e1f09c1aa',
          commit: '4e1f09c1aa',
        },
      ],
    },
  ]),
);

export const environments = ENVIRONMENTS.map((name, index) => ({
  apiVersion: API,
  kind: 'Environment',
  metadata: {
    name,
    namespace: NAMESPACE,
    uid: hex(8),
    creationTimestamp: ago(86400 * 90),
    resourceVersion: '1',
    // It is kept in git, and Flux applies it.
    labels:
      name === 'prod-us'
        ? {
            'kustomize.toolkit.fluxcd.io/name': 'hub',
            'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
          }
        : {},
    annotations:
      name === 'prod-us'
        ? { 'gimlet.io/logs-url': 'https://grafana.example.com/explore?app={app}&ns={namespace}&pod={pod}' }
        : {},
  },
  spec: {
    gitops: {
      url: 'https://git.example.com/shop-org/gitops',
      branch: 'main',
      path: name,
      secretRef: { name: 'gitops' },
    },
    flux: {
      interval: '1m',
      timeout: '5m',
      namespace: 'flux-system',
      kustomizationPerApp: true,
      secretRef: { name: 'gitops' },
    },
    deletionGuard: 'Confirm',
    ...(name === 'staging' || name === 'prod-us' ? { observedBy: 'Agent' } : {}),
    ...(index > 0
      ? {
          promotion: {
            from: index > 1 ? 'staging' : 'dev',
            soak: index > 1 ? '30m' : undefined,
            mode: index > 1 ? 'Manual' : 'Automatic',
          },
        }
      : {}),
    ...(name === 'prod-eu'
      ? {
          approval: { count: 1 },
          windows: { allow: [{ cron: '0 8 * * mon-thu', duration: '8h', timeZone: 'Europe/Berlin' }] },
          automaticRollback: { after: '10m' },
        }
      : {}),
    ...(name === 'prod-us'
      ? {
          lock: {
            reason: 'release freeze until the sale is over',
            until: new Date(START + 3 * 86400_000).toISOString(),
          },
        }
      : {}),
    notifications: name.startsWith('prod')
      ? [
          {
            name: 'team-chat',
            provider: 'Slack',
            secretRef: { name: 'chat' },
            events: ['Failed', 'WaitingForApproval'],
          },
        ]
      : [],
    retention: { releasesPerApp: 10 },
  },
  status: {
    conditions:
      name === 'dev'
        ? [
            condition(
              'Ready',
              'False',
              'FluxNotReady',
              'Kustomization flux-system/search: dial tcp 10.0.3.4:443: connection refused',
            ),
            condition('GitReady', 'True', 'Succeeded', 'main at 4e1f09c'),
            condition(
              'FluxReady',
              'False',
              'ReconciliationFailed',
              'Kustomization flux-system/search: dial tcp 10.0.3.4:443: connection refused',
            ),
          ]
        : [
            condition('Ready', 'True', 'Succeeded', 'git and Flux are as they should be'),
            condition('GitReady', 'True', 'Succeeded', 'main at 4e1f09c'),
            condition('FluxReady', 'True', 'Succeeded', '12 of 12 Kustomizations are ready'),
          ],
    head: { commit: hex(40), short: '4e1f09c', time: ago(260) },
    ...(agentOf[name] ? { agent: agentOf[name] } : {}),
    apps: APPS.length,
    engine: 'Wire',
  },
}));

/** An environment of which nothing has come yet, and that is in no list: its push was refused, no agent was ever heard. */
export const unready = {
  ...environments[1],
  metadata: { ...environments[1].metadata, name: 'prod-asia', uid: hex(8) },
  spec: {
    ...environments[1].spec,
    gitops: { ...environments[1].spec.gitops, path: 'prod-asia' },
    observedBy: 'Agent',
  },
  status: {
    conditions: ['Ready', 'GitReady']
      .map((type) =>
        condition(
          type,
          'False',
          'GitRejected',
          "server refused the push to main: pre-receive hook declined: remote: GitLab: You are not allowed to push code to protected branches on this project.: check the branch's protection and the server's hooks",
        ),
      )
      .concat([
        condition('FluxReady', 'Unknown', 'NoAgent', 'no agent has ever reported for this environment'),
        condition('AgentConnected', 'False', 'NoAgent', 'no agent has ever reported for this environment'),
      ]),
    apps: 0,
  },
};

const source = (app) => ({
  sha: hex(40),
  repository: `shop-org/${app}`,
  branch: 'main',
  author: pick(['Ada Lovelace', 'Bob Stone', 'Carol Weiss', 'Dan Ito']),
  message: pick(MESSAGES),
});

export const artifacts = APPS.flatMap((app) =>
  Array.from({ length: 6 }, (_, index) => {
    const version = source(app);
    return {
      apiVersion: API,
      kind: 'Artifact',
      metadata: {
        name: `${app}-${version.sha.slice(0, 10)}`,
        namespace: NAMESPACE,
        uid: hex(8),
        creationTimestamp: ago(600 + index * 86400),
      },
      spec: {
        event: index === 3 ? 'Tag' : 'Push',
        version: {
          ...version,
          ...(index === 3 ? { tag: 'v1.8.0' } : {}),
          url: `https://git.example.com/shop-org/${app}/commit/${version.sha}`,
        },
        manifests: [],
      },
      status: {
        version: index === 3 ? 'v1.8.0' : version.sha.slice(0, 7),
        conditions: [condition('Ready', 'True', 'Judged', '4 manifests judged')],
        releases: ENVIRONMENTS.filter((environment) => !(index === 1 && environment === 'prod-us')).map(
          (environment) => ({
            manifest: `.gimlet/${environment}.yaml`,
            app,
            environment,
            result: environment === 'dev' ? 'Released' : 'Manual',
            message: environment === 'dev' ? 'branch main matches main' : 'it has no policy',
          }),
        ),
        released: 1,
        invalid: 0,
      },
    };
  }),
);

// One artifact of two apps, as a repository with several has it.
const [joint] = artifacts.filter(({ metadata }) => metadata.name.startsWith('images-'));
joint.status.releases.push(...joint.status.releases.map((verdict) => ({ ...verdict, app: 'gateway' })));

// CI has built it, and nobody can read its manifest.
const unreadable = source('checkout');
artifacts.push({
  apiVersion: API,
  kind: 'Artifact',
  metadata: {
    name: `checkout-${unreadable.sha.slice(0, 10)}`,
    namespace: NAMESPACE,
    uid: hex(8),
    creationTimestamp: ago(600 + 6 * 86400),
  },
  spec: { event: 'Push', version: { ...unreadable, message: 'try another manifest' }, manifests: [] },
  status: {
    version: unreadable.sha.slice(0, 7),
    conditions: [condition('Ready', 'True', 'Judged', 'no policy matched; not valid: .gimlet/prod.yaml')],
    releases: [
      { manifest: '.gimlet/prod.yaml', app: 'checkout', result: 'Invalid', message: 'line 3: unknown field "chrat"' },
    ],
    released: 0,
    invalid: 1,
  },
});

// What the preview of a pull request runs.
const proposed = source('checkout');
artifacts.push({
  apiVersion: API,
  kind: 'Artifact',
  metadata: {
    name: `pull-214-${proposed.sha.slice(0, 10)}`,
    namespace: NAMESPACE,
    uid: hex(8),
    creationTimestamp: ago(1800),
  },
  spec: {
    event: 'PullRequest',
    version: { ...proposed, branch: 'new-cart', author: 'Carol Weiss', message: 'show the new cart' },
    targetBranch: 'main',
    pullRequest: 214,
    manifests: [],
  },
  status: {
    version: proposed.sha.slice(0, 7),
    conditions: [condition('Ready', 'True', 'Judged', 'releases checkout-new-cart to dev')],
    releases: [
      {
        manifest: '.gimlet/preview.yaml',
        app: 'checkout-new-cart',
        environment: 'dev',
        result: 'Released',
        message: 'branch new-cart is not main',
      },
    ],
    released: 1,
    invalid: 0,
  },
});

const PLAN = {
  digest: 'sha256:8c1e7f2ad0',
  tree: hex(40),
  base: hex(40),
  added: 1,
  changed: 3,
  removed: 0,
  objects: ['~ Deployment/app', '~ ConfigMap/app', '~ Service/app', '+ PodDisruptionBudget/app'],
  warnings: [],
};

/** Makes a release in a phase, with the marks of all phases before. */
export function makeRelease({
  app,
  environment,
  artifact,
  phase,
  age,
  by = 'ada',
  reason,
  rollbackTo,
  promoteFrom,
  message,
  plan = PLAN,
  name,
  planOnly,
  manifest,
  set,
  blockedBy,
}) {
  const order = ['planned', 'queued', 'committed', 'applied', 'healthy'];
  const reached = {
    Pending: 0,
    Waiting: 1,
    Planned: 1,
    Queued: 2,
    Committed: 3,
    Applied: 4,
    Healthy: 5,
    Failed: 4,
    Rejected: 1,
    Superseded: 2,
    Cancelled: 1,
    Unchanged: 1,
  }[phase];
  const offsets = [1, 2, 4, 38, 96];
  const stamps = Object.fromEntries(order.slice(0, reached).map((key, index) => [key, ago(age - offsets[index])]));
  const ended = ['Healthy', 'Failed', 'Rejected', 'Superseded', 'Cancelled', 'Unchanged'].includes(phase);
  const sha = hex(40);
  const words = {
    Waiting: condition('Ready', 'Unknown', 'BlockedByApproval', message ?? 'waits for 1 approval of the plan'),
    Failed: condition(
      'Ready',
      'False',
      'RolloutFailed',
      message ?? 'Deployment checkout: 2 of 3 pods crash: exit code 1, dial tcp 10.0.3.4:5432: connection refused',
    ),
    Healthy: condition('Ready', 'True', 'Healthy', '3/3 pods run'),
  };
  return {
    apiVersion: API,
    kind: 'Release',
    metadata: {
      name: name ?? `${app}.${environment}-${hex(5)}`,
      namespace: NAMESPACE,
      uid: hex(12),
      creationTimestamp: ago(age),
      annotations: { 'gimlet.io/created-by': by },
      resourceVersion: String(Math.floor(age)),
    },
    spec: {
      app,
      environment,
      requestedBy: by,
      trigger: by === 'ci' ? 'Policy' : 'Manual',
      ...(reason ? { reason } : {}),
      ...(planOnly ? { planOnly } : {}),
      ...(set ? { set } : {}),
      ...(manifest
        ? { manifest }
        : rollbackTo
          ? { rollbackTo }
          : promoteFrom
            ? { promoteFrom }
            : { artifact: { name: artifact.metadata.name } }),
    },
    status: {
      phase,
      version: artifact.status.version,
      conditions: [
        words[phase] ?? condition('Ready', ended ? 'False' : 'Unknown', phase, message ?? `the release is ${phase}`),
      ],
      plan: reached > 0 ? plan : undefined,
      chart: reached > 0 ? { name: 'onechart', version: '0.76.0', digest: 'sha256:51aa0b' } : undefined,
      artifact: manifest ? undefined : { name: artifact.metadata.name },
      commit:
        reached > 2
          ? {
              sha,
              short: sha.slice(0, 7),
              branch: 'main',
              path: `${environment}/${app}`,
              url: `https://git.example.com/shop-org/gitops/commit/${sha}`,
            }
          : undefined,
      blockedBy:
        phase === 'Waiting'
          ? (blockedBy ?? [
              { kind: 'Approval', name: environment, reason: 'waits for 1 approval of the plan: gimlet approve' },
              {
                kind: 'Window',
                name: environment,
                reason: 'no deploy window is open',
                until: new Date(START + 4 * 3600_000).toISOString(),
              },
            ])
          : [],
      approvedBy: phase === 'Healthy' && environment === 'prod-eu' ? ['bob'] : [],
      timestamps: { ...stamps, ...(ended ? { ended: ago(age - offsets[Math.max(0, reached - 1)]) } : {}) },
    },
  };
}

const MANIFEST = {
  app: 'catalog',
  env: 'prod-us',
  namespace: 'shop',
  chart: { name: 'onechart', repository: 'https://chart.onechart.dev', version: '0.76.0' },
  values: { replicas: 3, image: { repository: 'registry.example.com/catalog' }, vars: { DATABASE: 'pg.shop:5432' } },
};

export const releases = [];
export const apps = [];
const artifactOf = (app, index) => artifacts.filter(({ metadata }) => metadata.name.startsWith(`${app}-`))[index];

for (const [place, app] of APPS.entries()) {
  for (const [index, environment] of ENVIRONMENTS.entries()) {
    if ((app === 'search' && environment === 'prod-us') || (app === 'reports' && index > 1)) continue;
    const isJoint = environment === 'staging' && (app === 'images' || app === 'gateway');
    const newest = isJoint ? joint : artifactOf(app, index === 0 ? 0 : index === 1 ? place % 2 : 1 + (place % 3));
    const older = artifactOf(app, 4);
    const oldest = artifactOf(app, 5);
    const age = 120 + place * 900 + index * 7200 * (index + 1);
    const failing = (app === 'catalog' && environment === 'prod-us') || (app === 'mailer' && environment === 'staging');
    const progressing = app === 'catalog' && environment === 'dev';
    const drifted = app === 'search' && environment === 'prod-eu';
    const waiting = app === 'checkout' && environment === 'prod-eu';
    const phase = failing ? 'Failed' : progressing ? 'Applied' : 'Healthy';
    const first = makeRelease({
      app,
      environment,
      artifact: oldest,
      phase: 'Healthy',
      age: age + 9 * 86400,
      by: 'carol',
    });
    const second = makeRelease({
      app,
      environment,
      artifact: older,
      phase: 'Healthy',
      age: age + 4 * 86400,
      by: pick(PEOPLE),
      rollbackTo: place % 4 === 0 ? { release: first.metadata.name } : undefined,
      reason: place % 4 === 0 ? 'errors 500 at checkout' : undefined,
    });
    const current = makeRelease({
      app,
      environment,
      artifact: newest,
      phase,
      age,
      by: index === 0 ? 'ci' : pick(PEOPLE),
      promoteFrom: index > 1 && place % 2 ? { environment: 'staging' } : undefined,
      ...(failing && index > 1 ? { name: `${app}.${environment}-f4l3d`, manifest: MANIFEST } : {}),
    });
    releases.push(first, second, current);
    let pending;
    if (waiting) {
      pending = makeRelease({
        app,
        environment,
        artifact: artifactOf(app, 0),
        phase: 'Waiting',
        age: 340,
        by: 'ada',
        reason: 'hotfix for #812',
        name: 'checkout.prod-eu-x7k2m',
      });
      releases.push(pending);
    }
    const record = (release, artifact) => ({
      name: release.metadata.name,
      uid: release.metadata.uid,
      version: artifact.status.version,
      artifact: { name: artifact.metadata.name },
      source: artifact.spec.version.sha,
      commit: release.status.commit.sha,
      tree: hex(40),
      time: release.status.timestamps.committed,
    });
    apps.push({
      apiVersion: API,
      kind: 'App',
      metadata: {
        name: `${app}.${environment}`,
        namespace: NAMESPACE,
        uid: hex(8),
        creationTimestamp: ago(age + 10 * 86400),
        resourceVersion: '1',
        ...(PARTS[app] ? { labels: { 'app.kubernetes.io/part-of': PARTS[app] } } : {}),
      },
      spec: {
        app,
        environment,
        ...(app === 'payments' && environment === 'prod-eu'
          ? { hold: { reason: 'rolled back by bob: errors 500 at checkout', culprit: hex(40) } }
          : {}),
      },
      status: {
        conditions: [
          failing
            ? condition('Ready', 'False', 'RolloutFailed', `Deployment ${app}: 2 of 5 pods crash: exit code 1`)
            : progressing
              ? condition('Ready', 'Unknown', 'Progressing', 'Deployment catalog: 2 of 3 pods updated')
              : condition('Ready', 'True', 'Healthy', '3/3 pods run'),
          condition(
            'Applied',
            'True',
            'Succeeded',
            `Kustomization flux-system/${app}: applied ${current.status.commit.short}`,
          ),
        ],
        current: record(current, newest),
        previous: record(second, older),
        ...(pending ? { pending: pending.metadata.name } : {}),
        live: {
          state: failing ? 'Failed' : progressing ? 'Progressing' : 'Healthy',
          commit: current.status.commit.sha,
          replicas: failing ? '3/5' : progressing ? '2/3' : '3/3',
          message: failing
            ? 'pod mailer-6c-b: CrashLoopBackOff, exit code 1: dial tcp 10.0.3.4:5432: connection refused'
            : undefined,
        },
        ...(drifted ? { drift: { git: 'commit 77de01a by carol changed prod-eu/search/hpa.yaml' } } : {}),
      },
    });
  }
}

{
  const artifact = artifacts.find(({ spec }) => spec.pullRequest === 214);
  const { releases: verdicts, version } = artifact.status;
  const { app, environment } = verdicts[0];
  const release = makeRelease({ app, environment, artifact, phase: 'Healthy', age: 1700, by: 'ci' });
  releases.push(release);
  apps.push({
    apiVersion: API,
    kind: 'App',
    metadata: {
      name: `${app}.${environment}`,
      namespace: NAMESPACE,
      uid: hex(8),
      creationTimestamp: ago(1700),
      resourceVersion: '1',
    },
    spec: {
      app,
      environment,
      preview: {
        repository: 'shop-org/checkout',
        branch: 'new-cart',
        pullRequest: 214,
        followPullRequest: true,
        host: `${app}.dev.shop.example`,
      },
    },
    status: {
      conditions: [condition('Ready', 'True', 'Healthy', '1/1 pods run')],
      current: {
        name: release.metadata.name,
        uid: release.metadata.uid,
        version,
        artifact: { name: artifact.metadata.name },
        source: artifact.spec.version.sha,
        commit: release.status.commit.sha,
        tree: hex(40),
        time: release.status.timestamps.committed,
      },
      live: { state: 'Healthy', commit: release.status.commit.sha, replicas: '1/1' },
      preview: {
        url: `https://${app}.dev.shop.example`,
        expires: new Date(START + 6 * 86400_000).toISOString(),
      },
    },
  });
}

/** When a host counts requests anew. */
export const START_HOUR = new Date(START + 1800_000).toISOString();

/** Two apps of one artifact in one commit: one set that waits, and one that ended as an app of it failed. */
export const sets = [];
{
  const names = ['gateway', 'images'];
  const make = (name, age, by, reason, phase, message) => {
    const made = names.map((app, index) =>
      makeRelease({
        app,
        environment: 'prod-eu',
        artifact: joint,
        phase: index ? phase[1] : phase[0],
        age,
        by,
        reason,
        name: `${app}.prod-eu-${hex(10)}`,
        set: name,
        message: index ? message : undefined,
        blockedBy: index
          ? [{ kind: 'Approval', name: 'prod-eu', reason: 'waits for 1 approval of the plan: gimlet approve' }]
          : [{ kind: 'Set', name, reason: 'waits for images' }],
      }),
    );
    for (const { status } of made.filter(({ status }) => status.phase === 'Failed')) {
      status.commit = undefined;
      status.timestamps = { planned: status.timestamps.planned, ended: status.timestamps.planned };
    }
    releases.push(...made);
    sets.push({
      apiVersion: API,
      kind: 'ReleaseSet',
      metadata: {
        name,
        namespace: NAMESPACE,
        uid: hex(12),
        creationTimestamp: ago(age),
        annotations: { 'gimlet.io/created-by': by },
      },
      spec: {
        environment: 'prod-eu',
        apps: names,
        artifact: { name: joint.metadata.name },
        reason,
        requestedBy: by,
        trigger: 'Manual',
      },
    });
  };
  make('prod-eu-w41ts', 420, 'ada', 'larger pictures', ['Waiting', 'Waiting']);
  make(
    'prod-eu-f41ls',
    86_400,
    'bob',
    'larger pictures',
    ['Cancelled', 'Failed'],
    'the chart needs a value: image.tag',
  );
}

/** What the operator says of a set: what its releases have come to. */
export function statusOfSet({ metadata, spec }) {
  const own = releases.filter((release) => release.spec.set === metadata.name);
  const failed = ['Failed', 'Rejected', 'Cancelled']
    .map((phase) => own.find(({ status }) => status?.phase === phase))
    .find(Boolean);
  const order = ['Pending', 'Waiting', 'Queued', 'Committed', 'Applied', 'Healthy'];
  const least = order.find((phase) => own.some(({ status }) => (status?.phase ?? 'Pending') === phase));
  const phase = failed?.status.phase ?? least ?? own[0]?.status?.phase ?? 'Pending';
  const alone = ({ status }) => status?.blockedBy?.every(({ kind }) => kind === 'Set');
  const commit = own.find(({ status }) => status?.commit && !failed)?.status.commit;
  const blocked = own.filter((release) => release.status?.phase === 'Waiting' && !alone(release));
  const message = failed
    ? `${failed.spec.app}: ${failed.status.conditions[0].message}; nothing of the set was committed`
    : blocked.length
      ? `waits for ${blocked.map((release) => release.spec.app).join(', ')}`
      : `${own.length} releases are ${phase}`;
  return {
    phase,
    conditions: [condition('Ready', phase === 'Healthy' ? 'True' : failed ? 'False' : 'Unknown', phase, message)],
    releases: own.map((release) => ({
      app: release.spec.app,
      release: release.metadata.name,
      phase: release.status?.phase,
    })),
    total: own.length || spec.apps?.length,
    ready: own.filter((release) => release.status?.commit || (release.status?.phase === 'Waiting' && alone(release)))
      .length,
    ...(commit ? { commit: { sha: commit.sha, short: commit.short, url: commit.url, branch: commit.branch } } : {}),
    timestamps: failed ? { ended: failed.status.timestamps.ended } : {},
  };
}

export const repositories = ['checkout', 'catalog', 'search'].map((name) => ({
  apiVersion: API,
  kind: 'Repository',
  metadata: {
    name,
    namespace: NAMESPACE,
    creationTimestamp: ago(86400 * 60),
    annotations: name === 'checkout' ? { 'gimlet.io/webhook-seen': ago(720) } : {},
  },
  spec: {
    url: `https://git.example.com/shop-org/${name}`,
    provider: 'Gitea',
    interval: '1m',
    webhookSecretRef: name === 'search' ? undefined : { name: 'hook' },
  },
  status: {
    conditions: [
      name === 'search'
        ? condition('Ready', 'False', 'RateLimited', 'the host takes no more requests until 13:05')
        : condition('Ready', 'True', 'Succeeded', 'main at 9f3c1a2'),
    ],
    defaultBranch: 'main',
    head: {
      branch: 'main',
      commit: artifactOf(name, 0).spec.version.sha,
      short: artifactOf(name, 0).spec.version.sha.slice(0, 7),
    },
    branches: 6,
    tags: 11,
    pullRequests: 2,
  },
}));

export const approvals = [];

const CHART = new URL('../../../charts/app/', import.meta.url);
export const chartVersions = ['0.78.0', '0.77.1', '0.77.0', '0.76.0', '0.75.2', '0.70.0'];

export const chart = {
  name: 'app',
  version: '0.1.0',
  digest: 'sha256:51ab',
  origin: 'built in',
  schema: JSON.parse(readFileSync(new URL('values.schema.json', CHART), 'utf8')),
  values: parse(readFileSync(new URL('values.yaml', CHART), 'utf8')),
  cut: false,
};

const FILE = `--- a/deployment-checkout.yaml
+++ b/deployment-checkout.yaml
@@ -1,7 +1,7 @@
 apiVersion: apps/v1
 kind: Deployment
 metadata:
   name: checkout
   labels:
-    app.kubernetes.io/version: 77ab01d
+    app.kubernetes.io/version: 9f3c1a2
     app: checkout
@@ -21,9 +21,10 @@
     spec:
       containers:
         - name: checkout
-          image: ghcr.io/shop-org/checkout:77ab01d
+          image: ghcr.io/shop-org/checkout:9f3c1a2
           env:
             - name: RETRIES
-              value: "3"
+              value: "5"
+            - {name: TIMEOUT, value: 10s}
           ports:
             - containerPort: 8080
`;
const LABELS = `--- a/service-checkout.yaml
+++ b/service-checkout.yaml
@@ -4,5 +4,5 @@
   name: checkout
   labels:
-    helm.sh/chart: onechart-0.75.0
+    helm.sh/chart: onechart-0.76.0
     app: checkout
 spec:
`;
const SETTINGS = `--- a/configmap-checkout.yaml
+++ b/configmap-checkout.yaml
@@ -3,4 +3,4 @@
 metadata:
   name: checkout
 data:
-  BANNER: spring
+  BANNER: summer
`;
const NEW = `--- /dev/null
+++ b/poddisruptionbudget-checkout.yaml
@@ -0,0 +1,6 @@
+apiVersion: policy/v1
+kind: PodDisruptionBudget
+metadata:
+  name: checkout
+spec:
+  minAvailable: 1
`;

export const difference = {
  added: 1,
  changed: 3,
  removed: 0,
  objects: [
    { change: 'Changed', kind: 'Deployment', name: 'checkout', namespace: 'shop' },
    { change: 'Changed', kind: 'ConfigMap', name: 'checkout', namespace: 'shop' },
    { change: 'Changed', kind: 'Service', name: 'checkout', namespace: 'shop' },
    { change: 'Added', kind: 'PodDisruptionBudget', name: 'checkout', namespace: 'shop' },
  ],
  files: [
    { change: 'Changed', name: 'deployment-checkout.yaml', diff: FILE },
    { change: 'Changed', name: 'configmap-checkout.yaml', diff: SETTINGS },
    { change: 'Changed', name: 'service-checkout.yaml', diff: LABELS },
    { change: 'Added', name: 'poddisruptionbudget-checkout.yaml', diff: NEW },
  ],
  warnings: ['Deployment/checkout has no memory limit'],
  cut: false,
};

const people = [...PEOPLE];
export const history = ENVIRONMENTS.flatMap((environment) =>
  releases
    .filter(({ spec, status }) => spec.environment === environment && status.commit)
    .map((release) => ({
      commit: release.status.commit.sha,
      time: release.metadata.creationTimestamp,
      subject: `${release.spec.app}: ${release.status.version}`,
      action: release.spec.rollbackTo ? 'rollback' : 'release',
      app: release.spec.app,
      environment,
      reason: release.spec.reason,
      release: release.metadata.name,
      repository: `shop-org/${release.spec.app}`,
      requestedBy: release.spec.requestedBy,
      rollbackTo: release.spec.rollbackTo ? hex(40) : undefined,
      source: hex(40),
      version: release.status.version,
      signature: release.spec.app === 'legacy' ? undefined : 'Own',
    })),
)
  .concat([
    // Two releases whose objects were tidied away; before the older one there was nothing.
    ...[
      ['checkout.prod-eu-t1d1e', 'v1.6.2', 30, 'new tax rates'],
      ['checkout.prod-eu-f1r5t', 'v1.0.0', 80, 'the first one'],
    ].map(([release, version, days, reason]) => ({
      commit: hex(40),
      time: ago(86400 * days),
      subject: `checkout: ${version}`,
      action: 'release',
      app: 'checkout',
      environment: 'prod-eu',
      reason,
      release,
      repository: 'shop-org/checkout',
      requestedBy: 'dan',
      source: hex(40),
      version,
    })),
    {
      commit: hex(40),
      signature: 'Unsigned',
      time: ago(300),
      subject: 'raise the maximum of search to 12 pods',
      app: 'search',
      environment: 'prod-eu',
      requestedBy: people[2],
    },
    {
      commit: hex(40),
      time: ago(86400 * 90),
      subject: 'make environment prod-eu',
      action: 'environment',
      environment: 'prod-eu',
      requestedBy: 'ada',
    },
  ])
  .sort((a, b) => b.time.localeCompare(a.time));

/** Commits that came after the start, by repository. */
export const pushed = {};
/** What people were refused, the newest first. */
export const denials = [
  {
    id: 'd1',
    time: ago(1500),
    user: 'dan',
    what: 'create releases',
    namespace: NAMESPACE,
    app: 'catalog',
    environment: 'prod-us',
    why: `releases.gimlet.io is forbidden: User "dan" cannot create resource "releases" in API group "gimlet.io" in the namespace "${NAMESPACE}"`,
  },
];

/** Does what follows from a change that somebody made to an object: a commit is there, a branch has moved. */
export function follow(plural, object, change) {
  const head = change.status?.head;
  if (!head) return;
  const time = new Date().toISOString();
  const { name } = object.metadata;
  if (plural === 'environments')
    history.unshift({
      commit: head.commit,
      time,
      subject: 'edited elsewhere',
      environment: name,
      requestedBy: 'carol',
    });
  if (plural === 'repositories') {
    pushed[name] ??= [];
    pushed[name].unshift({ commit: head.commit, message: 'pushed elsewhere', author: 'Carol Weiss', time, url: null });
  }
}

/** The tags of a repository: the newer ones are of commits that were built, an old one is of none that is known. */
export const tags = (repository) => [
  ...builtOf(repository)
    .filter(({ artifacts }) => artifacts.length)
    .slice(1, 4)
    .map(({ commit, artifacts }, index) => ({ name: `v1.${8 - index}.0`, commit, artifacts })),
  { name: 'v0.9.0', commit: 'c'.repeat(40), artifacts: [] },
];

export const commits = (repository) => [...(pushed[repository] ?? []), ...builtOf(repository)];

const builtOf = (repository) =>
  artifacts
    .filter(({ metadata }) => metadata.name.startsWith(`${repository}-`))
    .flatMap((artifact, index) => {
      const { version } = artifact.spec;
      const deployments = apps
        .filter(({ status }) => status.current.artifact.name === artifact.metadata.name)
        .map((app) => ({
          namespace: NAMESPACE,
          environment: app.spec.environment,
          app: app.spec.app,
          release: app.status.current.name,
          time: app.status.current.time,
          commit: app.status.current.commit,
          state: app.status.live.state,
          version: app.status.current.version,
        }));
      const built = {
        commit: version.sha,
        message: version.message,
        author: version.author,
        time: artifact.metadata.creationTimestamp,
        url: version.url,
        artifacts: [
          {
            name: artifact.metadata.name,
            event: artifact.spec.event,
            branch: 'main',
            tag: version.tag ?? null,
            released: 1,
          },
        ],
        deployments,
        statuses: [
          { context: 'build', state: 'Success', url: 'https://ci.example.com/1' },
          { context: 'test', state: index === 0 ? 'Pending' : index === 3 ? 'Failure' : 'Success' },
        ],
      };
      const broken = {
        commit: hex(40),
        message: 'bump dependencies',
        author: 'renovate',
        time: ago(600 + index * 86400 + 40000),
        url: null,
        artifacts: [],
        deployments: [],
        statuses: [
          { context: 'build', state: 'Success' },
          { context: 'test', state: 'Failure', description: '3 tests failed', url: 'https://ci.example.com/2' },
        ],
      };
      return index === 1 ? [built, broken] : [built];
    });

/** Whether the agent of an environment is there: that of staging is silent. */
export function presenceOf(environment) {
  if (environment === 'prod-us')
    return { can: ['logs', 'events', 'describe', 'reconcileFlux', 'resumeFlux', 'restart', 'usage'] };
  return environment === 'staging' ? { silent: ago(9 * 60), can: [] } : null;
}

/** Kustomizations that Flux leaves alone, as `<app>.<environment>`. */
export const suspended = new Set(['images.prod-us', 'images.staging']);

/** What the pods of an app use: a little more and less of it each time. As if nobody measured those of the cart. */
export function usageOf(app, environment) {
  if (app === 'cart') return null;
  const { pods } = runningOf(app, environment).state;
  const wave = Math.sin(Date.now() / 20_000);
  return pods.map(({ name: pod }, index) => ({
    pod,
    cpu: Math.round(120 + 60 * index + 50 * wave),
    memory: Math.round((210 + 20 * index + 6 * wave) * 2 ** 20),
  }));
}

/** The CronJobs of the catalog: one that goes well, one that failed, and one that somebody suspended. */
function cronsOf(app) {
  if (app !== 'catalog') return [];
  const night = new Date(START).setUTCHours(2, 0, 0, 0) - 86_400_000;
  const at = (time) => new Date(time).toISOString();
  const cron = (name, cron, more = {}) => ({
    kind: 'CronJob',
    name,
    wanted: 0,
    ready: 0,
    updated: 0,
    images: [`registry.example.com/${name}:1.4.2`],
    word: 'Healthy',
    cron: { schedule: '0 2 * * *', timeZone: 'Europe/Vienna', suspended: false, lastSchedule: at(night), ...cron },
    ...more,
  });
  const cause = {
    reason: 'BackoffLimitExceeded',
    message: 'Job reindex-29: Job has reached the specified backoff limit; container reindex ends with exit code 2',
    nextStep: 'read the log of its last pod, mend it, and release again',
  };
  return [
    cron('report', { lastSuccess: at(night + 240_000) }),
    cron('reindex', { schedule: '30 4 * * 1-5', lastSuccess: at(night - 86_400_000) }, { word: 'Failed', cause }),
    cron('prune', { schedule: '@weekly', timeZone: undefined, suspended: true, lastSchedule: undefined }),
  ];
}

/** What the agent of prod-us says of an app. */
export function runningOf(app, environment) {
  const found = apps.find(({ metadata }) => metadata.name === `${app}.${environment}`);
  if (!found || !['prod-us', 'staging'].includes(environment)) return null;
  const failing = found.status.live.state === 'Failed';
  const cause = {
    reason: 'CrashLoopBackOff',
    message: 'container app ends with exit code 1',
    nextStep: 'read its last log lines',
  };
  const pod = (name, broken) => ({
    name: `${app}-6c-${name}`,
    workload: `Deployment/${app}`,
    owner: `ReplicaSet/${app}-6c`,
    phase: 'Running',
    node: `n${name === 'a' ? 1 : 2}`,
    ready: !broken,
    restarts: broken ? 7 : 0,
    created: found.status.current.time,
    ...(broken ? { cause } : {}),
    containers: [
      {
        name: 'app',
        ready: !broken,
        restarts: broken ? 7 : 0,
        state: { is: 'running' },
        ...(broken
          ? {
              last: {
                exitCode: 1,
                reason: 'Error',
                message: 'dial tcp 10.0.3.4:5432: connection refused',
                at: new Date(START - 8_000).toISOString(),
              },
            }
          : {}),
      },
    ],
  });
  return {
    state: {
      namespace: 'shop',
      app,
      word: found.status.live.state,
      workloads: [
        {
          kind: 'Deployment',
          name: app,
          wanted: 3,
          ready: failing ? 2 : 3,
          updated: 3,
          available: 3,
          images: [`registry.example.com/${app}:${found.status.current.version}`],
          word: found.status.live.state,
        },
        ...cronsOf(app),
      ],
      pods: [pod('b', failing), pod('a', false), pod('c', false)],
      links: [{ kind: 'Ingress', name: app, url: `https://${app}.us.shop.example.com` }],
      flux: [
        {
          kind: 'Kustomization',
          namespace: 'flux-system',
          name: app,
          ready: true,
          message: `Applied revision: main@sha1:${found.status.current.commit}`,
          suspended: suspended.has(found.metadata.name),
        },
      ],
      inventories: [
        {
          kind: 'Kustomization',
          namespace: 'flux-system',
          name: app,
          objects: [
            { kind: 'Namespace', name: 'shop' },
            ...['ServiceAccount', 'ConfigMap', 'Service', 'Deployment', 'PodDisruptionBudget', 'Ingress'].map(
              (kind) => ({
                kind,
                namespace: 'shop',
                name: app,
              }),
            ),
            ...cronsOf(app).map(({ kind, name }) => ({ kind, namespace: 'shop', name })),
            { kind: 'Role', namespace: 'monitoring', name: `${app}-metrics` },
          ],
        },
      ],
    },
    // The agent of staging does nothing on demand.
    can: presenceOf(environment).can,
  };
}

const SAID = [
  'INFO  listening on :8080',
  '{"level":"info","ts":"2026-01-01T00:00:00Z","msg":"order accepted","order":"8812","ms":41}',
  'WARN  payment provider answers slowly, 3 requests wait',
  'ERROR dial tcp 10.0.3.4:5432: connection refused',
  'ERROR dial tcp 10.0.3.4:5432: connection refused',
  'ERROR dial tcp 10.0.3.4:5432: connection refused',
  '\tat shop.payments.Client.connect(Client.java:71)',
  '\tat shop.orders.Order.take(Order.java:7)',
  'Caused by: java.net.ConnectException: connection refused',
  '\t... 9 more',
  '\u001b[32mDEBUG\u001b[0m cache holds 812 products',
  '{"level":"error","msg":"order refused","order":"8813","why":"no stock"}',
  'GET /healthz 200 in 1 ms',
  'GET /products?category=garden&sort=price&page=4&currency=EUR&with=images,reviews,stock,delivery 200 in 182 ms',
];

/** Lines of a log, the newest last; each pod says the same a moment after the other. */
export function logOf(app, { pods, previous, tail }, most = 120) {
  const lines = Math.min(most, Number(tail ?? most));
  const all = ['b', 'a', 'c']
    .map((name) => `${app}-6c-${name}`)
    .filter((name) => !pods || pods.split(',').includes(name));
  return Array.from({ length: lines }, (_, index) => ({
    pod: all[Math.floor(index / SAID.length) % all.length],
    container: 'app',
    time: new Date(START - (lines - index) * 730 - (previous === 'true' ? 900_000 : 0)).toISOString(),
    text: SAID[index % SAID.length],
  }));
}

/** Events of an app, the oldest first. */
export const eventsOf = (app) => [
  {
    time: ago(700),
    warning: false,
    reason: 'ScalingReplicaSet',
    object: `Deployment/${app}`,
    message: `Scaled up replica set ${app}-6c to 3`,
    count: 1,
  },
  {
    time: ago(690),
    warning: false,
    reason: 'Pulled',
    object: `Pod/${app}-6c-b`,
    message: `Container image "registry.example.com/${app}" already present on machine`,
    count: 1,
  },
  {
    time: ago(20),
    warning: true,
    reason: 'BackOff',
    object: `Pod/${app}-6c-b`,
    message: 'Back-off restarting failed container app',
    count: 7,
  },
];

/** Who may do what, as the roles of the world say it. */
export const accessFor = (viewer) => {
  const dev = { kind: 'Group', name: 'dev', through: ['RoleBinding developers, ClusterRole gimlet-releaser'] };
  const leads = { kind: 'Group', name: 'leads', through: ['RoleBinding leads, ClusterRole gimlet-approver'] };
  const admins = { kind: 'User', name: 'ada', through: ['ClusterRoleBinding admins, ClusterRole cluster-admin'] };
  const ci = { kind: 'ServiceAccount', name: 'build/ci', through: ['RoleBinding ci, Role ship'] };
  const own = (name) => ({
    kind: 'ServiceAccount',
    name: `kube-system/${name}`,
    through: [`ClusterRoleBinding system:controller:${name}, ClusterRole system:controller:${name}`],
  });
  const system = [own('generic-garbage-collector'), own('namespace-controller')];
  const all = [
    ['release, promote, roll back', 'create releases', [dev, ci, admins]],
    ['approve and reject', 'create approvals', [leads, admins]],
    ['cancel and confirm', 'patch releases', [dev, admins]],
    ['configure apps', 'create configchanges', [admins]],
    ['uninstall apps', 'delete apps', [dev, ...system, admins]],
    ['lock and change it', 'patch environments', [system[0], admins]],
  ];
  const seen = (subjects) => (viewer ? [] : subjects);
  return {
    actions: all.map(([text, right, subjects]) => ({ text, right, subjects: seen(subjects) })),
    missing: viewer ? ['list clusterrolebindings in the cluster', 'list clusterroles in the cluster'] : [],
    unread: viewer ? dev.through : [],
  };
};

/** What the operator said of a release, as Kubernetes has it. */
export const failedNotifications = [
  {
    metadata: { creationTimestamp: ago(1500) },
    type: 'Warning',
    reason: 'NotificationFailed',
    note: 'notification team-chat: the receiver answered 410 Gone: make a new address and put it into the Secret',
    regarding: { apiVersion: API, kind: 'Environment', name: 'prod-eu' },
    eventTime: ago(1500),
  },
];

export const eventsOfRelease = (name) =>
  [
    [95, 'Normal', 'Planned', '+1 ~3 −0 objects', 1],
    [92, 'Normal', 'Committed', 'the release is in git', 1],
    [20, 'Warning', 'RolloutFailed', 'Deployment catalog: 2 of 5 pods crash: exit code 1', 4],
  ].map(([age, type, reason, note, count]) => ({
    metadata: { creationTimestamp: ago(age) },
    type,
    reason,
    note,
    regarding: { apiVersion: API, kind: 'Release', name },
    eventTime: ago(age),
    ...(count > 1 ? { series: { count, lastObservedTime: ago(age - 10) } } : {}),
  }));
