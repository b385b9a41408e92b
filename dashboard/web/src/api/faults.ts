/** The last refusals and failures, for people who ask for help. They stay in the memory of the page. */

export interface Fault {
  time: string;
  method: string;
  /** Without its query, which has what somebody looked for. */
  path: string;
  status: number;
  reason: string;
  detail: string;
}

const MOST = 20;
let faults: readonly Fault[] = [];

/** Remembers a fault; the oldest one goes. */
export function noteFault(fault: Fault) {
  faults = [...faults, { ...fault, path: fault.path.split('?')[0] ?? '' }].slice(-MOST);
}

/** Returns the last faults, the newest last. */
export const lastFaults = () => faults;
