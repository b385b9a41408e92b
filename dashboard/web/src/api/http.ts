import { noteFault } from './faults';

/** What the server says when it refuses: problem+json of RFC 9457, or a Status of Kubernetes. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly detail: string,
    readonly retryAfter?: number,
  ) {
    super(detail);
    this.name = 'Problem';
  }
}

interface ProblemBody {
  reason?: string;
  detail?: string;
  message?: string;
  retryAfter?: number | null;
}

let signedOut: () => void = () => {};

/** Says what happens when the session has ended. */
export function onSignedOut(listener: () => void) {
  signedOut = listener;
}

/** Reads the refusal in an answer, whatever its form. */
async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text();
  let body: ProblemBody = {};
  try {
    body = JSON.parse(text) as ProblemBody;
  } catch {
    body = { detail: text.slice(0, 500) };
  }
  const detail = body.detail ?? body.message ?? `the server answered ${answer.status}`;
  return new Problem(answer.status, body.reason ?? answer.statusText, detail, body.retryAfter ?? undefined);
}

/** Asks, and remembers what was refused or failed. */
async function ask(path: string, init: RequestInit): Promise<Response> {
  try {
    return await answerTo(path, init);
  } catch (error) {
    if (error instanceof Problem) {
      const { status, reason, detail } = error;
      const method = init.method ?? 'GET';
      noteFault({ time: new Date().toISOString(), method, path, status, reason, detail });
    }
    throw error;
  }
}

/** Gives the answer where it is no refusal. */
async function answerTo(path: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: 'same-origin', ...init });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new Problem(0, 'Unreachable', 'The dashboard server cannot be reached.');
  }
  if (!answer.ok) {
    const problem = await problemOf(answer);
    if (answer.status === 401 && path !== '/api/v1/session') signedOut();
    throw problem;
  }
  return answer;
}

async function send<T>(path: string, init: RequestInit): Promise<T> {
  const answer = await ask(path, init);
  if (answer.status === 204) return undefined as T;
  return (await answer.json()) as T;
}

const json = { 'Content-Type': 'application/json', Accept: 'application/json' };

/** Reads a path of the server. */
export const get = <T>(path: string, signal?: AbortSignal) =>
  send<T>(path, { headers: { Accept: 'application/json' }, signal });

/** Reads an answer line by line, as it comes: first none, once it begins. */
export async function* lines(path: string, signal: AbortSignal): AsyncGenerator<string[]> {
  const answer = await ask(path, { headers: { Accept: 'application/x-ndjson' }, signal });
  yield [];
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + value).split('\n');
      rest = parts.pop() ?? '';
      yield parts.filter(Boolean);
    }
    if (rest) yield [rest];
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new Problem(0, 'Unreachable', 'The connection to the dashboard server broke.');
  } finally {
    // Whoever stops looking stops the agent, too.
    void reader.cancel().catch(() => {});
  }
}

/** Creates something. */
export const post = <T>(path: string, body: unknown, signal?: AbortSignal) =>
  send<T>(path, { method: 'POST', headers: json, body: JSON.stringify(body), signal });

/** Changes some fields of an object by a merge patch. */
export const patch = <T>(path: string, body: unknown) =>
  send<T>(path, {
    method: 'PATCH',
    headers: { ...json, 'Content-Type': 'application/merge-patch+json' },
    body: JSON.stringify(body),
  });

/** Deletes an object. */
export const remove = (path: string) => send<unknown>(path, { method: 'DELETE', headers: json });

/** Appends the parameters that are set. */
export function withQuery(path: string, parameters: Record<string, string | number | boolean | undefined>) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** Returns the sentence of an error, whatever was thrown. */
export const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error));
