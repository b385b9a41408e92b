// The deploy manifests of the seeded world, and what becomes of changes of them.

import { createHash } from 'node:crypto';
import * as world from './data.mjs';

/** How long the operator writes a change, and how long its copy of a repository is older than that. */
const WRITES = 300;
const COPIES = 3000;

export const configChanges = [];

/** One app has a chart of which there are newer versions. */
const chartOf = (repository) =>
  repository === 'search'
    ? 'chart:\n  name: onechart\n  repository: https://chart.onechart.dev\n  version: 0.76.0 # tried in staging'
    : 'chart:\n  name: app';

const first = (repository) =>
  world.ENVIRONMENTS.map(
    (environment) => `# Owned by team shop.
app: ${repository}
env: ${environment}
namespace: shop
${chartOf(repository)}
values:
  replicas: 1 # keep it small
  image:
    repository: ghcr.io/shop-org/${repository}
    tag: "{{ .SHA }}"
  port: 8080
  env:
    LOG_LEVEL: info
`,
  ).join('---\n');

/** What the branch has, and what is read of it. */
const branches = new Map();
const copies = new Map();
const written = (repository) => branches.get(repository) ?? first(repository);
const blobOf = (content) =>
  createHash('sha1')
    .update(`blob ${Buffer.byteLength(content)}\0`)
    .update(content)
    .digest('hex');

export const filesOf = (repository) => {
  const content = copies.get(repository) ?? first(repository);
  return [{ path: '.gimlet/shop.yaml', blob: blobOf(content), size: content.length, content }];
};

/** Brings the copy up to date, as a webhook does. */
function look(repository) {
  copies.set(repository, written(repository));
  const object = world.repositories.find(({ metadata }) => metadata.name === repository);
  const commit = world.hex(40);
  if (object) object.status.head = { branch: 'main', commit, short: commit.slice(0, 7) };
}

/** Changes the file as somebody does who has no page open. */
export function editElsewhere(repository) {
  branches.set(repository, written(repository).replaceAll('8080', '9090'));
  look(repository);
}

/** Does what the operator does with a change: the blob is the lock. */
export function writeFile(change, changed) {
  change.status = { phase: 'Pending', conditions: [] };
  setTimeout(() => {
    change.status = decide(change.spec, changed);
    changed();
  }, WRITES);
}

function decide({ repository, content, baseBlob, mode }, changed) {
  const fits = blobOf(written(repository)) === baseBlob;
  const sha = world.hex(40);
  const url = `https://git.example.com/shop-org/${repository}`;
  const pull = mode === 'PullRequest';
  const phase = fits ? (pull ? 'Proposed' : 'Committed') : 'Conflict';
  if (fits && !pull) {
    branches.set(repository, content);
    setTimeout(() => {
      look(repository);
      changed();
    }, COPIES);
  }
  const said = fits ? '' : 'carol changed the file in 77de01a';
  return {
    phase,
    branch: 'main',
    conditions: [world.condition('Ready', fits ? 'True' : 'False', phase, said)],
    ...(fits ? { commit: { sha, url: `${url}/commit/${sha}` } } : {}),
    ...(fits && pull ? { pullRequest: { number: 215, url: `${url}/pulls/215`, branch: 'gimlet/config-1' } } : {}),
  };
}
