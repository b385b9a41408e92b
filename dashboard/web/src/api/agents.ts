/** What agents say of the clusters in which apps run. The Rust module `gimlet_agent::protocol` decides. */

import type { Word } from '~/domain/words';
import { get, lines, post, withQuery } from './http';

export interface Cause {
  reason: string;
  message: string;
  nextStep: string;
}

export interface Workload {
  kind: string;
  name: string;
  wanted: number;
  ready: number;
  updated: number;
  images: string[];
  autoscalers?: { name: string; min: number; max: number; desired: number; message?: string }[];
  /** When it runs, of a CronJob. */
  cron?: CronTimes;
  word: Word;
  cause?: Cause;
}

/** When a CronJob runs. */
export interface CronTimes {
  schedule: string;
  timeZone?: string;
  suspended: boolean;
  lastSchedule?: string;
  lastSuccess?: string;
}

export interface Terminated {
  exitCode: number;
  reason?: string;
  message?: string;
  at?: string;
}

export interface Container {
  name: string;
  init?: boolean;
  ready: boolean;
  restarts: number;
  state?: { is: string; reason?: string; message?: string };
  last?: Terminated;
}

export interface Pod {
  name: string;
  workload?: string;
  /** What stands between it and its workload, such as `ReplicaSet/web-6c`. */
  owner?: string;
  phase: string;
  node?: string;
  ready: boolean;
  restarts: number;
  created?: string;
  cause?: Cause;
  containers?: Container[];
}

export interface Alert {
  rule: string;
  object: string;
  phase: 'pending' | 'firing' | 'resolved' | 'unknown';
  since: string;
  message: string;
}

/** An object of Flux. */
export interface FluxItem {
  kind: string;
  namespace: string;
  name: string;
  ready?: boolean;
  reason?: string;
  message?: string;
  lastAppliedRevision?: string;
  suspended?: boolean;
}

/** What an object of Flux has applied. */
export interface Inventory {
  kind: string;
  namespace: string;
  name: string;
  objects: { kind: string; namespace?: string; name: string }[];
  /** Objects that are not listed, because there are too many. */
  omitted?: number;
}

export interface AppState {
  namespace: string;
  app: string;
  word: Word;
  cause?: Cause;
  workloads?: Workload[];
  pods?: Pod[];
  omittedPods?: number;
  links?: { kind: string; name: string; url: string }[];
  flux?: FluxItem[];
  /** What Flux' own objects of the app have applied. */
  inventories?: Inventory[];
  alerts?: Alert[];
}

/** What an agent does on demand. */
export type Capability =
  | 'logs'
  | 'events'
  | 'describe'
  | 'reconcileFlux'
  | 'resumeFlux'
  | 'restart'
  | 'usage'
  | 'unknown';

/** Whether an agent is there: since when it says nothing, or does not see its cluster, where that is so. */
export interface Presence {
  silent?: string;
  blind?: { since: string; message: string };
  /** What the agent does on demand, while it is connected. */
  can: Capability[];
}

/** What an agent said of an app. */
export interface Running extends Presence {
  state: AppState;
}

/** What a pod uses: thousandths of a processor, and bytes. */
export interface PodUsage {
  pod: string;
  cpu: number;
  memory: number;
}

/** An event of Kubernetes. */
export interface EventLine {
  time?: string;
  warning: boolean;
  reason: string;
  object: string;
  message: string;
  count: number;
}

/** Names an object of the cluster in which an app runs. */
export interface ObjectName {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
}

const placeOf = (namespace: string, environment: string, ...parts: string[]) =>
  `/api/agents/${[namespace, environment, ...parts].map(encodeURIComponent).join('/')}`;

/** Reads whether the agent of an environment is there; null where none has come. */
export const readAgent = (namespace: string, environment: string) =>
  get<{ agent: Presence | null }>(placeOf(namespace, environment));

/** Reads what the agent of an environment last said of an app; null where none did. */
export const readRunning = (namespace: string, environment: string, app: string) =>
  get<{ running: Running | null }>(placeOf(namespace, environment, 'apps', app));

/** Reads the events of an app, and of what runs it. */
export const readEvents = async (namespace: string, environment: string, app: string) =>
  (await get<{ items: EventLine[] }>(placeOf(namespace, environment, 'apps', app, 'events'))).items;

/** Reads what the pods of an app use now; null where nobody measures it in that cluster. */
export const readUsage = async (namespace: string, environment: string, app: string) =>
  (await get<{ items: PodUsage[] | null }>(placeOf(namespace, environment, 'apps', app, 'usage'))).items;

/** Reads the logs of an app, as they come: a JSON object on each line. */
export const readLogs = (
  { namespace, environment, app }: { namespace: string; environment: string; app: string },
  query: Record<string, string | number | boolean | undefined>,
  signal: AbortSignal,
) => lines(withQuery(placeOf(namespace, environment, 'apps', app, 'logs'), query), signal);

/** Has Flux look at one of its objects now. */
export const reconcile = (namespace: string, environment: string, object: ObjectName) =>
  post<{ message: string }>(placeOf(namespace, environment, 'reconcile'), object);

/** Has Flux go on with one of its objects that was suspended. */
export const resume = (namespace: string, environment: string, object: ObjectName) =>
  post<{ message: string }>(placeOf(namespace, environment, 'resume'), object);

/** Has the pods of a workload started again, one after the other. */
export const restart = (namespace: string, environment: string, object: ObjectName) =>
  post<{ message: string }>(placeOf(namespace, environment, 'restart'), object);
