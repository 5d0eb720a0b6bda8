// One HTTP call to the server, with the device's credential and a bound on the time until the answer begins. What can
// go wrong is a value: the caller decides whether to ask again.
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { ProblemJson } from '../../shared/http-api.ts';
import { timings } from '../../shared/limits.ts';

export interface ServerAccess {
  readonly server: URL;
  /** Null before the enrolment. */
  readonly credential: string | null;
  readonly clock: Clock;
}

export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  readonly signal?: AbortSignal;
}

export type Answer =
  | { readonly kind: 'answer'; readonly response: Response }
  /** No answer came: no route, no listener, a broken line, too slow. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** `mayPass`: the same question may be answered later (overload, a server that is starting). */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string; readonly mayPass: boolean };

const PASSING: readonly number[] = [408, 425, 429];

export async function askServer(
  { server, credential, clock }: ServerAccess,
  { method, path, headers = {}, body, signal }: Question,
): Promise<Answer> {
  const slow = new AbortController();
  const stopWaiting = clock.after(timings.httpRequestMs, () =>
    slow.abort(new Error(`no answer within ${timings.httpRequestMs} ms`)),
  );
  try {
    const response = await fetch(new URL(path, server), {
      method,
      headers: {
        // A proxy that compresses would make byte ranges meaningless.
        'accept-encoding': 'identity',
        ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, slow.signal]) : slow.signal,
    });
    if (response.ok) return { kind: 'answer', response };
    const message = await problemOf(response);
    const { status } = response;
    return { kind: 'refused', status, message, mayPass: status >= 500 || PASSING.includes(status) };
  } catch (error) {
    return { kind: 'unreachable', message: causeOf(slow.signal.aborted ? slow.signal.reason : error) };
  } finally {
    stopWaiting();
  }
}

const PROBLEM_CHARACTERS = 4096;

async function problemOf(response: Response): Promise<string> {
  const text = (await response.text()).slice(0, PROBLEM_CHARACTERS);
  try {
    const { detail, problems = [] } = ProblemJson.parse(JSON.parse(text));
    return [detail, ...problems.map(({ field, message }) => (field ? `${field}: ${message}` : message))].join('; ');
  } catch {
    return `HTTP ${response.status} ${response.statusText}`.trim();
  }
}

/** fetch says only "fetch failed"; what happened stands in the cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const inner = cause instanceof AggregateError && cause.errors.length > 0 ? cause.errors[0] : cause;
  return messageOf(inner);
}
