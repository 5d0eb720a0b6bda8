// The typed client: what `routes` says, and nothing else. An answer that does not fit its schema is a fault, not data.
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode, messageOf, StillError } from '../../shared/errors.ts';
import {
  type AnswerOf,
  type GivenBody,
  type ParamsOf,
  ProblemJson,
  type QueryOf,
  type Route,
  type RouteName,
  routes,
} from '../../shared/http-api.ts';
import { timings } from '../../shared/limits.ts';
import type { Connection } from './config.ts';

type Given<K extends string, V> = [V] extends [undefined] ? { [key in K]?: undefined } : { [key in K]: V };
/** Path parameters, query and body of one route, as far as it has them. */
export type Call<N extends RouteName> = Given<'params', ParamsOf<N>> & { query?: Partial<QueryOf<N>> } & ([
    GivenBody<N>,
  ] extends [undefined]
    ? { body?: undefined }
    : { body: GivenBody<N> });

export interface Upload {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export class Client {
  readonly url: URL;
  private readonly key: string;

  constructor(connection: Pick<Connection, 'url' | 'key'>) {
    this.url = connection.url;
    this.key = connection.key;
  }

  /**
   * Calls a route that answers JSON.
   *
   * @throws StillError with the server's own code; `unavailable` where no server answers
   */
  async call<N extends RouteName>(name: N, given: Call<N>, signal?: AbortSignal): Promise<AnswerOf<N>> {
    const body = given.body === undefined ? undefined : JSON.stringify(given.body);
    const response = await this.send(routes[name], given, {
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.any([AbortSignal.timeout(timings.httpRequestMs), ...(signal ? [signal] : [])]),
    });
    return this.parse(name, await response.json());
  }

  /** The bytes of a route that answers something other than JSON. */
  async bytes(name: 'getPicture' | 'getArtifact' | 'getManifest', params: Record<string, string>): Promise<Uint8Array> {
    const response = await this.send(routes[name], { params }, {});
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Stores one artifact; the server checks the digest as it reads. */
  async upload({ sha256, sizeBytes, content }: Upload): Promise<void> {
    const response = await this.send(routes.putArtifact, { params: { sha256 } }, {
      // undici takes any async iterable; the types of the DOM, which TypeScript uses here, know only streams.
      body: content as unknown as ReadableStream,
      duplex: 'half',
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(sizeBytes) },
    } as RequestInit);
    await response.body?.cancel();
  }

  /** The open stream of server-sent events. */
  async eventStream(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.send(routes.events, {}, { signal, headers: { accept: 'text/event-stream' } });
    if (!response.body) throw new StillError('internal', 'the event stream has no body');
    return response.body;
  }

  private async send(
    route: Route,
    given: { params?: object | undefined; query?: object | undefined },
    init: RequestInit,
  ): Promise<Response> {
    const url = new URL(fillPath(route.path, given.params ?? {}), this.url);
    for (const [key, value] of Object.entries(given.query ?? {}))
      if (value !== undefined) url.searchParams.set(key, String(value));
    const headers = { ...init.headers, authorization: `Bearer ${this.key}` };
    const response = await fetch(url, { ...init, method: route.method.toUpperCase(), headers }).catch((cause) => {
      throw this.unreachable(cause);
    });
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  private parse<N extends RouteName>(name: N, value: unknown): AnswerOf<N> {
    const { answer } = routes[name];
    if (!(answer instanceof z.ZodType)) throw new TypeError(`${name} does not answer JSON`);
    const parsed = answer.safeParse(value);
    if (parsed.success) return parsed.data as AnswerOf<N>;
    throw new StillError('internal', `${this.url.origin} answered ${name} with something unexpected`, {
      problems: parsed.error.issues.slice(0, 5).map(({ path, message }) => ({ field: path.join('.'), message })),
    });
  }

  private unreachable(cause: unknown): StillError {
    if (cause instanceof Error && cause.name === 'AbortError') return new StillError('timeout', 'canceled', { cause });
    if (cause instanceof Error && cause.name === 'TimeoutError')
      return new StillError(
        'unavailable',
        `${this.url.origin} does not answer within ${timings.httpRequestMs / 1000} s`,
        {
          cause,
        },
      );
    const why = cause instanceof Error && cause.cause !== undefined ? networkReason(cause.cause) : messageOf(cause);
    return new StillError('unavailable', `no Stillhouse server answers at ${this.url.origin}: ${why}`, {
      cause,
      problems: [{ message: 'is it running ("still serve")? --server and STILL_SERVER name another one' }],
    });
  }
}

export function fillPath(path: string, params: object): string {
  const values = new Map(Object.entries(params));
  return path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(String(values.get(key))));
}

function networkReason(cause: unknown): string {
  const code = (cause as { code?: unknown }).code;
  const words: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'the host name is not known',
    EHOSTUNREACH: 'the host cannot be reached',
    ECONNRESET: 'it closed the connection',
    UND_ERR_SOCKET: 'it closed the connection',
  };
  return (typeof code === 'string' ? words[code] : undefined) ?? messageOf(cause);
}

async function problemOf(response: Response): Promise<StillError> {
  const text = await response.text();
  const parsed = ProblemJson.safeParse(parseJson(text));
  if (!parsed.success)
    return new StillError(codeOfStatus(response.status), `${response.url} answered ${response.status}`, {
      problems: text ? [{ message: text.slice(0, 300) }] : [],
    });
  const { code, status, detail, problems } = parsed.data;
  // The server speaks to whoever sends headers.
  if (code === 'unauthenticated')
    return new StillError(code, `${new URL(response.url).origin} does not know this key, or no longer`, {
      problems: [{ message: '--key and STILL_KEY name another one; "still key create" makes one' }],
    });
  return new StillError(isErrorCode(code) ? code : codeOfStatus(status), detail, { problems });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code);

function codeOfStatus(status: number): ErrorCode {
  const known = Object.entries(ERROR_CODES).find(([, [known]]) => known === status);
  return (known?.[0] as ErrorCode | undefined) ?? (status < 500 ? 'invalid_input' : 'internal');
}
