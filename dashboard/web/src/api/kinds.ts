/** The kinds of gimlet.io/v1alpha1, as far as the dashboard reads them. The Rust crate `crds` decides. */

export const API_VERSION = 'gimlet.io/v1alpha1';

export interface Metadata {
  name: string;
  namespace: string;
  uid?: string;
  generateName?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
}

export interface Kube<Spec, Status> {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  spec: Spec;
  status?: Status;
}

export interface List<T> {
  items: T[];
  metadata?: { continue?: string };
}

export interface SourceVersion {
  name?: string;
  repository?: string;
  sha?: string;
  branch?: string;
  tag?: string;
  author?: string;
  message?: string;
  url?: string;
}

export interface ArtifactRef {
  name: string;
  namespace?: string;
}

export type Phase =
  | 'Pending'
  | 'Planned'
  | 'Waiting'
  | 'Queued'
  | 'Committed'
  | 'Applied'
  | 'Healthy'
  | 'Failed'
  | 'Rejected'
  | 'Superseded'
  | 'Cancelled'
  | 'Unchanged';

export interface ReleaseSource {
  artifact?: ArtifactRef;
  manifest?: unknown;
  rollbackTo?: { release?: string; commit?: string; time?: string };
  promoteFrom?: { environment: string };
  adopt?: { commit: string };
}

export interface ReleaseSpec extends ReleaseSource {
  environment: string;
  app: string;
  vars?: Record<string, string>;
  version?: SourceVersion;
  reason?: string;
  requestedBy?: string;
  trigger?: 'Manual' | 'Policy' | 'Promotion' | 'Rollback';
  planOnly?: boolean;
  set?: string;
  expectedBase?: string;
  cancel?: boolean;
  confirm?: boolean;
}

export interface Blocker {
  kind: string;
  name: string;
  reason: string;
  until?: string;
}

export interface Plan {
  digest: string;
  tree: string;
  base?: string;
  added: number;
  changed: number;
  removed: number;
  guard?: string;
  objects?: string[];
  warnings?: string[];
}

export interface Timestamps {
  planned?: string;
  queued?: string;
  committed?: string;
  applied?: string;
  healthy?: string;
  ended?: string;
}

export interface ReleaseStatus {
  phase?: Phase;
  conditions?: Condition[];
  version?: string;
  plan?: Plan;
  commit?: { sha: string; short: string; url?: string; branch: string; path: string };
  artifact?: ArtifactRef;
  chart?: { name: string; version: string; digest: string };
  approvedBy?: string[];
  blockedBy?: Blocker[];
  setsOff?: string[];
  timestamps?: Timestamps;
}

export type Release = Kube<ReleaseSpec, ReleaseStatus>;

export interface ReleaseSetSpec {
  environment: string;
  apps?: string[];
  artifact?: ArtifactRef;
  rollbackTo?: { commit?: string; time?: string };
  vars?: Record<string, string>;
  reason?: string;
  requestedBy?: string;
  trigger?: ReleaseSpec['trigger'];
  planOnly?: boolean;
  cancel?: boolean;
  confirm?: boolean;
}

export interface ReleaseSetStatus {
  phase?: Phase;
  conditions?: Condition[];
  releases?: { app: string; release: string; phase?: Phase }[];
  /** Apps that a rollback leaves as they are: they were not there then. */
  leftOut?: string[];
  commit?: { sha: string; short: string; url?: string; branch: string };
  total?: number;
  /** Releases that wait only for the others, or got further. */
  ready?: number;
  timestamps?: { committed?: string; ended?: string };
}

export type ReleaseSet = Kube<ReleaseSetSpec, ReleaseSetStatus>;

export interface Lock {
  reason: string;
  until?: string;
}

export interface AppRelease {
  name: string;
  version?: string;
  artifact?: ArtifactRef;
  source?: string;
  commit: string;
  tree: string;
  time: string;
}

export interface Live {
  commit?: string;
  state: 'Healthy' | 'Progressing' | 'Failed' | 'Unknown';
  replicas?: string;
  message?: string;
}

/** What binds an app to a branch. */
export interface PreviewBinding {
  repository: string;
  namespace?: string;
  branch: string;
  pullRequest?: number;
  followPullRequest?: boolean;
}

export interface AppStatus {
  conditions?: Condition[];
  current?: AppRelease;
  previous?: AppRelease;
  pending?: string;
  live?: Live;
  drift?: { git?: string };
  preview?: { url?: string; expires?: string; removal?: { reason: string; message: string } };
}

export type App = Kube<
  {
    app: string;
    environment: string;
    hold?: { reason: string; culprit?: string };
    lock?: Lock;
    deletionPolicy?: string;
    preview?: PreviewBinding;
  },
  AppStatus
>;

export interface Window {
  cron?: string;
  rrule?: string;
  start?: string;
  duration: string;
  timeZone?: string;
}

export interface EnvironmentSpec {
  gitops: {
    url: string;
    branch?: string;
    path?: string;
    engine?: string;
    signing?: unknown;
    secretRef?: { name: string };
    push?: 'Commit' | 'PullRequest';
    provider?: string;
    apiUrl?: string;
  };
  flux?: {
    interval?: string;
    timeout?: string;
    namespace?: string;
    kustomizationPerApp?: boolean;
    secretRef?: { name: string };
    serviceAccountName?: string;
  };
  render?: {
    allowSecrets?: boolean;
    chartHosts?: string[];
    chartSecrets?: { host: string; secretRef: { name: string } }[];
    kubernetesVersion?: string;
  };
  encryption?: { age: string[] };
  artifacts?: { namespaces?: string[] };
  domain?: string;
  lock?: Lock;
  windows?: { allow?: Window[]; deny?: Window[] };
  deletionGuard?: 'Confirm' | 'Off';
  approval?: { count?: number; own?: boolean; triggers?: string[] };
  promotion?: { from: string; soak?: string; mode?: 'Manual' | 'Automatic' };
  automaticRollback?: { after?: string };
  notifications?: { name: string; provider: string; events?: string[]; apps?: string[] }[];
  suspend?: boolean;
  observedBy?: 'Operator' | 'Agent';
  retention?: { releasesPerApp?: number };
}

/** An object of Flux, as the agent of an environment sees it. */
export interface FluxObject {
  kind: string;
  name: string;
  ready?: boolean;
  reason?: string;
  message?: string;
  suspended?: boolean;
  commit?: string;
}

/** What the agent of an environment said of itself and of Flux. */
export interface AgentStatus {
  version: string;
  cluster: string;
  fluxVersion?: string;
  lastContact: string;
  flux?: FluxObject[];
}

export interface EnvironmentStatus {
  conditions?: Condition[];
  head?: { commit: string; short: string; time: string };
  apps?: number;
  engine?: string;
  pullRequest?: { number: number; url: string };
  agent?: AgentStatus;
}

export type Environment = Kube<EnvironmentSpec, EnvironmentStatus>;

export interface ManifestVerdict {
  manifest: string;
  app?: string;
  environment?: string;
  result: 'Released' | 'Manual' | 'NotMatched' | 'Refused' | 'Invalid';
  release?: string;
  /** Namespace of the release, where it is another than the artifact's. */
  namespace?: string;
  message: string;
}

export type Artifact = Kube<
  {
    event?: 'Push' | 'Tag' | 'PullRequest';
    version: SourceVersion;
    vars?: Record<string, string>;
    pullRequest?: number;
    created?: string;
  },
  { conditions?: Condition[]; version?: string; releases?: ManifestVerdict[]; released?: number; invalid?: number }
>;

export type Repository = Kube<
  { url: string; provider?: string; interval?: string; artifactsFromCommits?: boolean; webhookSecretRef?: unknown },
  {
    conditions?: Condition[];
    defaultBranch?: string;
    head?: { branch: string; commit: string; short: string };
    branches?: number;
    tags?: number;
    pullRequests?: number;
  }
>;

export type Approval = Kube<
  { release: string; digest: string; decision?: 'Approve' | 'Reject'; comment?: string },
  undefined
>;

export type ConfigChangePhase = 'Pending' | 'Proposed' | 'Committed' | 'Unchanged' | 'Conflict' | 'Closed' | 'Failed';

export interface ConfigChangeSpec {
  repository: string;
  branch?: string;
  path: string;
  content?: string;
  baseBlob?: string;
  message: string;
  mode?: 'Commit' | 'PullRequest';
  requestedBy?: string;
}

export type ConfigChange = Kube<
  ConfigChangeSpec,
  {
    phase?: ConfigChangePhase;
    conditions?: Condition[];
    branch?: string;
    commit?: { sha: string; url?: string };
    pullRequest?: { number: number; url: string; branch: string };
    ended?: string;
  }
>;

/** Plural of each kind in the API's paths. */
export type Plural =
  | 'releases'
  | 'apps'
  | 'environments'
  | 'artifacts'
  | 'repositories'
  | 'approvals'
  | 'configchanges'
  | 'releasesets';

/** Returns the path of a collection, or of one object in it. */
export function pathOf(plural: Plural, namespace: string, name?: string) {
  const collection = `/apis/${API_VERSION}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
  return name ? `${collection}/${encodeURIComponent(name)}` : collection;
}

/** Finds a condition by its type. */
export const condition = (conditions: Condition[] | undefined, type: string) =>
  conditions?.find((each) => each.type === type);

/** Whether nothing is heard of the cluster of an app, so that what was said of it before is no news. */
export const isSilent = (app: App) =>
  ['AgentSilent', 'AgentBlind', 'NoAgent'].includes(condition(app.status?.conditions, 'Ready')?.reason ?? '');

/** Who created an object: as the API server knows them, else as the client said. */
export const creatorOf = ({ metadata, spec }: Kube<{ requestedBy?: string }, unknown>) =>
  metadata.annotations?.['gimlet.io/created-by'] ?? spec.requestedBy;
