// One HTTP call to the server, with the device's credential and a bound on every silence. What can go wrong is a value:
// the caller decides whether to ask again.
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { timings } from '../../shared/limits.ts';
import { readText } from './read-text.ts';
import type { Response } from './response.ts';

export interface ServerAccess {
  readonly server: URL;
  /** Null before the enrolment. */
  readonly credential: string | null;
  readonly clock: Clock;
  /** How a question travels; left out: by node:http. */
  readonly send?: (access: ServerAccess, question: Question) => Promise<Response>;
}

export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal?: AbortSignal;
}

export type Answer =
  /** The body may still break off: reading it throws then. Whoever does not read it to its end destroys it. */
  | { readonly kind: 'answer'; readonly response: Response }
  /** No answer came: no route, no listener, a broken line, too slow. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** `mayPass`: the same question may be answered later (overload, a server that is starting). */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string; readonly mayPass: boolean };

const PASSING: readonly number[] = [408, 425, 429];
const PROBLEM_BYTES = 16 * 1024;

export async function askServer(access: ServerAccess, question: Question): Promise<Answer> {
  try {
    const response = await (access.send ?? sendByHttp)(access, question);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return { kind: 'answer', response };
    const message = await problemOf(response, access.clock);
    return { kind: 'refused', status, message, mayPass: status >= 500 || PASSING.includes(status) };
  } catch (error) {
    return { kind: 'unreachable', message: causeOf(error) };
  }
}

async function sendByHttp({ server, credential, clock }: ServerAccess, question: Question): Promise<Response> {
  const { method, path, headers = {}, body, signal } = question;
  // Measured on an idle agent: the first fetch keeps 18 MB, an import of node:http 8 MB (it evaluates every export), this 1.
  const { request: send } = process.getBuiltinModule(server.protocol === 'https:' ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const authorization = credential === null ? {} : { authorization: `Bearer ${credential}` };
    const request = send(new URL(path, server), {
      method,
      // A proxy that compresses would make byte ranges meaningless.
      headers: { 'accept-encoding': 'identity', ...authorization, ...length, ...headers },
      ...(signal && { signal }),
    });
    const late = () => request.destroy(new Error(`no answer within ${timings.httpRequestMs} ms`));
    const stopWaiting = clock.after(timings.httpRequestMs, late);
    request.on('response', (response) => {
      stopWaiting();
      resolve(response);
    });
    request.on('error', (error) => {
      stopWaiting();
      reject(error);
    });
    request.end(body);
  });
}

async function problemOf(response: Response, clock: Clock): Promise<string> {
  const plain = `HTTP ${response.statusCode} ${response.statusMessage}`.trim();
  try {
    // All HTTP bodies of the system in one file, of which an idle agent needs none.
    const { ProblemJson } = await import('../../shared/http-api.ts');
    const { detail, problems = [] } = ProblemJson.parse(
      JSON.parse((await readText(response, PROBLEM_BYTES, clock)) ?? ''),
    );
    return [detail, ...problems.map(({ field, message }) => (field ? `${field}: ${message}` : message))].join('; ');
  } catch {
    return plain;
  }
}

/** With several addresses tried, Node says only that all failed; the first one says why. */
function causeOf(error: unknown): string {
  return messageOf(error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error);
}
