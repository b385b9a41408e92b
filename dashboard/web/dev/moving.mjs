// Lets the seeded world go on: new releases pass their phases, and now and then something happens by itself.

const now = () => new Date().toISOString().replace(/\.\d+Z/, 'Z');

export function startMoving(world, changed, { still, rate, rows }) {
  const ready = (release, status, reason, message) => {
    release.status.conditions = [{ type: 'Ready', status, reason, message, lastTransitionTime: now() }];
  };
  const reach = (release, phase, mark, message) => {
    release.status.phase = phase;
    if (mark) release.status.timestamps[mark] = now();
    ready(release, phase === 'Healthy' ? 'True' : 'Unknown', phase, message);
    changed();
  };

  function end(release, phase) {
    release.status ??= { timestamps: {} };
    release.status.phase = phase;
    release.status.blockedBy = [];
    release.status.timestamps.ended = now();
    ready(release, 'False', phase, `the release was ${phase.toLowerCase()}`);
    changed();
  }

  function artifactOf({ spec }) {
    if (spec.artifact) return world.artifacts.find(({ metadata }) => metadata.name === spec.artifact.name);
    const from =
      spec.promoteFrom &&
      world.apps.find(({ metadata }) => metadata.name === `${spec.app}.${spec.promoteFrom.environment}`);
    const back =
      spec.rollbackTo &&
      world.releases.find(
        ({ metadata, status }) =>
          metadata.name === spec.rollbackTo.release || status?.commit?.sha === spec.rollbackTo.commit,
      );
    const adopted =
      spec.adopt && world.apps.find(({ metadata }) => metadata.name === `${spec.app}.${spec.environment}`);
    const name =
      adopted?.status.current.artifact.name ?? from?.status.current.artifact.name ?? back?.status.artifact.name;
    return world.artifacts.find(({ metadata }) => metadata.name === name);
  }

  function go(release) {
    const app = world.apps.find(({ metadata }) => metadata.name === `${release.spec.app}.${release.spec.environment}`);
    const sha = world.hex(40);
    setTimeout(() => reach(release, 'Queued', 'queued', 'queued for git'), 400);
    setTimeout(() => {
      if (release.status.phase !== 'Queued') return;
      release.status.commit = {
        sha,
        short: sha.slice(0, 7),
        branch: 'main',
        path: `${release.spec.environment}/${release.spec.app}`,
        url: `https://git.example.com/shop-org/gitops/commit/${sha}`,
      };
      if (app)
        Object.assign(app.status, {
          previous: app.status.current,
          current: {
            ...app.status.current,
            name: release.metadata.name,
            version: release.status.version,
            artifact: release.status.artifact,
            commit: sha,
            time: now(),
          },
          pending: undefined,
        });
      reach(release, 'Committed', 'committed', 'in git; waits for Flux');
    }, 1200);
    setTimeout(() => release.status.commit && reach(release, 'Applied', 'applied', 'applied; 1 of 3 pods run'), 3500);
    setTimeout(() => {
      if (!release.status.commit) return;
      release.status.timestamps.ended = now();
      reach(release, 'Healthy', 'healthy', '3/3 pods run');
    }, 7000);
  }

  function begin(release) {
    release.status = { phase: 'Pending', conditions: [], timestamps: {}, blockedBy: [] };
    setTimeout(() => {
      const artifact = artifactOf(release);
      const same = release.spec.environment === 'staging' && release.spec.planOnly;
      Object.assign(release.status, {
        version: artifact?.status.version,
        artifact: { name: artifact?.metadata.name },
        chart: { name: 'onechart', version: '0.76.0', digest: 'sha256:51aa0b' },
        plan: {
          digest: 'sha256:8c1e7f2ad0',
          tree: world.hex(40),
          base: world.hex(40),
          added: same ? 0 : 1,
          changed: same ? 0 : 3,
          removed: 0,
          objects: ['~ Deployment/checkout', '+ PodDisruptionBudget/checkout'],
          warnings: same ? [] : ['Deployment/checkout has no memory limit'],
        },
      });
      if (release.spec.planOnly) {
        release.status.timestamps.ended = now();
        return reach(release, 'Planned', 'planned', 'the plan is made');
      }
      const waits = release.spec.environment === 'prod-eu' && !release.spec.rollbackTo;
      if (!waits) {
        reach(release, 'Pending', 'planned', 'planned');
        return go(release);
      }
      release.status.blockedBy = [
        { kind: 'Approval', name: 'prod-eu', reason: 'waits for 1 approval of the plan: gimlet approve' },
      ];
      const app = world.apps.find(({ metadata }) => metadata.name === `${release.spec.app}.prod-eu`);
      if (app) app.status.pending = release.metadata.name;
      reach(release, 'Waiting', 'planned', 'waits for 1 approval of the plan');
    }, 700);
  }

  function judge({ spec, metadata }) {
    const release = world.releases.find((each) => each.metadata.name === spec.release);
    if (!release) return;
    if (spec.decision === 'Reject') return end(release, 'Rejected');
    release.status.approvedBy = [metadata.annotations['gimlet.io/created-by']];
    release.status.blockedBy = [];
    go(release);
  }

  if (!still) {
    setInterval(() => {
      const app = world.apps[Math.floor(world.random() * world.apps.length)];
      if (!app || app.status.pending) return;
      const { live } = app.status;
      live.state = live.state === 'Healthy' ? 'Progressing' : live.state === 'Progressing' ? 'Healthy' : live.state;
      live.replicas = live.state === 'Progressing' ? '2/3' : '3/3';
      changed();
    }, 3000);
  }
  if (rate > 0 && rows.length) {
    setInterval(() => {
      for (let count = 0; count < rate / 10; count++) {
        const row = rows[Math.floor(Math.random() * rows.length)];
        const cell = row.cells[Object.keys(row.cells)[0]];
        cell.word = cell.word === 'Healthy' ? 'Progressing' : 'Healthy';
      }
      changed();
    }, 100);
  }
  return { begin, judge, end };
}
