/** The operator's views of git (docs/views.openapi.json), read through the server as the caller. */

import { get, withQuery } from './http';

/** By the key that the environment signs with now, by another one, not as it was signed, or not at all. */
export type Signature = 'Own' | 'Other' | 'Invalid' | 'Unsigned';

export interface HistoryEntry {
  commit: string;
  /** Missing where it is not known. */
  signature?: Signature | null;
  time: string;
  subject: string;
  action?: string | null;
  app?: string | null;
  reason?: string | null;
  release?: string | null;
  repository?: string | null;
  requestedBy?: string | null;
  rollbackTo?: string | null;
  source?: string | null;
  version?: string | null;
}

export interface Page<T> {
  items: T[];
  next?: string | null;
  incomplete?: string | null;
}

export interface ObjectChange {
  change: 'Added' | 'Changed' | 'Removed';
  kind: string;
  name: string;
  namespace?: string | null;
}

export interface FileChange {
  change: 'Added' | 'Changed' | 'Removed';
  name: string;
  diff: string;
}

export interface Difference {
  added: number;
  changed: number;
  removed: number;
  objects: ObjectChange[];
  files: FileChange[];
  warnings: string[];
  cut: boolean;
}

export interface PlanView {
  digest?: string | null;
  difference: Difference;
}

export type CheckState = 'Pending' | 'Success' | 'Failure' | 'Error' | 'Skipped';

export interface Check {
  context: string;
  state: CheckState;
  description?: string | null;
  url?: string | null;
}

export interface Deployment {
  namespace: string;
  environment: string;
  app: string;
  release: string;
  time: string;
  commit: string;
  state?: string | null;
  version?: string | null;
}

export interface CommitArtifact {
  name: string;
  event: string;
  branch?: string | null;
  tag?: string | null;
  pullRequest?: number | null;
  released?: number | null;
}

export interface Commit {
  commit: string;
  message: string;
  author: string;
  time?: string | null;
  url?: string | null;
  artifacts?: CommitArtifact[] | null;
  deployments?: Deployment[] | null;
  statuses?: Check[] | null;
}

export interface CommitPage extends Page<Commit> {
  branch?: string | null;
}

/** What a host last said of its limit. */
export interface RateLimit {
  limit: number;
  remaining: number;
  reset: string;
}

export interface Branch {
  name: string;
  commit: string;
  default: boolean;
  protected?: boolean | null;
}

export interface Tag {
  name: string;
  commit: string;
  time?: string | null;
  artifacts?: CommitArtifact[] | null;
}

export interface PullRequest {
  number: number;
  title: string;
  url: string;
  branch: string;
  /** Whether the branch is in another repository. */
  fromFork: boolean;
  commit: string;
  targetBranch: string;
  author?: string | null;
  draft: boolean;
}

export interface Files {
  files: { name: string; content: string }[];
}

export interface SourceFile {
  path: string;
  blob: string;
  size: number;
  /** Missing where it is no text, or too large. */
  content?: string | null;
}

export interface SourceFiles {
  commit: string;
  files: SourceFile[];
  cut: boolean;
}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface ChartView {
  name: string;
  version: string;
  digest: string;
  origin: string;
  schema?: Json;
  values?: Json;
  cut: boolean;
}

export interface ChartQuestion {
  name: string;
  repository?: string;
  version?: string;
}

export interface ChartVersions {
  /** The newest first. */
  versions: string[];
  /** How many of them, from the first on, are newer than the one that was named. */
  newer: number;
}

const below = (namespace: string, ...parts: string[]) =>
  `/api/v1/views/namespaces/${[namespace, ...parts].map(encodeURIComponent).join('/')}`;

export interface HistoryQuestion {
  app?: string;
  person?: string;
  since?: string;
  until?: string;
  limit?: number;
  before?: string;
}

export const readHistory = (namespace: string, environment: string, question: HistoryQuestion, signal?: AbortSignal) =>
  get<Page<HistoryEntry>>(withQuery(below(namespace, 'environments', environment, 'history'), { ...question }), signal);

export const readDiff = (namespace: string, environment: string, app: string, from: string, to: string) =>
  get<Difference>(withQuery(below(namespace, 'environments', environment, 'apps', app, 'diff'), { from, to }));

export const readFiles = (namespace: string, environment: string, app: string, commit?: string) =>
  get<Files>(withQuery(below(namespace, 'environments', environment, 'apps', app, 'files'), { commit }));

export const readPlan = (namespace: string, release: string) =>
  get<PlanView>(below(namespace, 'releases', release, 'plan'));

export const readBranches = (namespace: string, repository: string) =>
  get<Page<Branch> & { rateLimit?: RateLimit | null }>(below(namespace, 'repositories', repository, 'branches'));

export const readTags = (namespace: string, repository: string) =>
  get<Page<Tag>>(below(namespace, 'repositories', repository, 'tags'));

export const readPullRequests = (namespace: string, repository: string) =>
  get<Page<PullRequest>>(below(namespace, 'repositories', repository, 'pull-requests'));

export const readCommits = (namespace: string, repository: string, branch?: string, cursor?: string) =>
  get<CommitPage>(
    withQuery(below(namespace, 'repositories', repository, 'commits'), { branch, cursor, limit: 30, statuses: true }),
  );

export const readStatuses = (namespace: string, repository: string, commit: string) =>
  get<Page<Check>>(below(namespace, 'repositories', repository, 'commits', commit, 'statuses'));

export const readSourceFiles = (namespace: string, repository: string, branch?: string) =>
  get<SourceFiles>(withQuery(below(namespace, 'repositories', repository, 'files'), { branch }));

export const readChart = (namespace: string, environment: string, chart: ChartQuestion) =>
  get<ChartView>(withQuery(below(namespace, 'environments', environment, 'chart'), { ...chart }));

export const readChartVersions = (
  namespace: string,
  environment: string,
  question: { name: string; repository?: string; than?: string },
) => get<ChartVersions>(withQuery(below(namespace, 'environments', environment, 'chart', 'versions'), { ...question }));

/** Reads the version of the operator, which describes its views. */
export const readOperatorVersion = async () =>
  (await get<{ info: { version: string } }>('/api/v1/views/openapi.json')).info.version;
