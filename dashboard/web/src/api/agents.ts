/** What agents say of the clusters in which apps run. The Rust module `gimlet_agent::protocol` decides. */

import type { Word } from '~/domain/words';
import { get } from './http';

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
  word: Word;
  cause?: Cause;
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
  last?: Terminated;
}

export interface Pod {
  name: string;
  workload?: string;
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

export interface AppState {
  namespace: string;
  app: string;
  word: Word;
  cause?: Cause;
  workloads?: Workload[];
  pods?: Pod[];
  omittedPods?: number;
  links?: { kind: string; name: string; url: string }[];
  alerts?: Alert[];
}

/** What an agent said of an app, and since when it says nothing where that is so. */
export interface Running {
  state: AppState;
  silent?: string;
}

/** Reads what the agent of an environment last said of an app; null where none did. */
export const readRunning = (namespace: string, environment: string, app: string) =>
  get<{ running: Running | null }>(
    `/api/agents/${encodeURIComponent(namespace)}/${encodeURIComponent(environment)}/apps/${encodeURIComponent(app)}`,
  );
