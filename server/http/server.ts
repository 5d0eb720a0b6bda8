// Express, and nothing decided here: each line of the table of routes becomes one way in — who calls, is it for them,
// does what they sent fit — and one handler.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import { StillError } from '../../shared/errors.ts';
import { type Route, type RouteName, routes } from '../../shared/http-api.ts';
import { limits } from '../../shared/limits.ts';
import { listenOn } from '../listen-on.ts';
import type { World } from '../store/world.ts';
import { artifactHandlers } from './artifacts.ts';
import { authenticate, type Doorkeeper } from './authenticate.ts';
import { benchHandlers } from './bench-runs.ts';
import { deviceHandlers } from './devices.ts';
import { Egress } from './egress.ts';
import { enrolmentHandlers, type MqttAddress } from './enrolment.ts';
import { eventStreams } from './events.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { faultWords } from './fault-words.ts';
import { groupHandlers } from './groups.ts';
import { type Checks, healthHandlers } from './health.ts';
import { installHandlers } from './install.ts';
import { keyHandlers } from './keys.ts';
import { openApiDocument } from './openapi.ts';
import { pictureHandlers } from './pictures.ts';
import { problemHandler } from './problem.ts';
import { rolloutHandlers } from './rollouts.ts';
import { actorOf, type Exchange, type Handler, type Handlers } from './route.ts';
import { versionHandlers } from './versions.ts';

/** A connection that says nothing for this long is closed; a slow upload says something. */
const IDLE_MS = 120_000;
const HEADERS_MS = 20_000;
/** What is under way may end within this time after the server was told to stop. */
const CLOSE_MS = 4000;

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly mqtt: MqttAddress;
  readonly version: string;
  /** Of all artifacts together; Infinity without a limit. */
  readonly egressBytesPerSecond: number;
  /** Where the installer's files were built. */
  readonly installFolder: string;
  readonly checks: Checks;
  /** Ends a device's connection to the broker. */
  readonly kick: (deviceId: string) => void;
}

export interface HttpServer {
  readonly port: number;
  /** Takes no new request, lets those under way end. */
  close(): Promise<void>;
}

export async function startHttp(world: World, options: HttpOptions): Promise<HttpServer> {
  let stopping = false;
  const failed = new FailedAttempts(world.clock);
  const streams = eventStreams(world);
  const document = openApiDocument(options.version);
  const handlers: Handlers = {
    ...healthHandlers({ checks: options.checks, stopping: () => stopping }),
    openapi: async () => document,
    ...streams.handlers,
    ...enrolmentHandlers(world, { mqtt: options.mqtt, failed }),
    ...keyHandlers(world),
    ...deviceHandlers(world, options.kick),
    ...groupHandlers(world),
    ...artifactHandlers(world, new Egress(world.clock, options.egressBytesPerSecond)),
    ...versionHandlers(world),
    ...rolloutHandlers(world),
    ...benchHandlers(world),
    ...pictureHandlers(world),
    ...asHandlers(installHandlers(options.installFolder)),
  };
  const server = createServer(createApp(world, handlers, { db: world.store.db, failed }));
  server.requestTimeout = 0;
  server.headersTimeout = HEADERS_MS;
  server.timeout = IDLE_MS;
  await listenOn(server, options, 'HTTP');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      stopping = true;
      streams.end();
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const cancel = world.clock.after(CLOSE_MS, () => server.closeAllConnections());
      await closed;
      cancel();
    },
  };
}

function createApp(world: World, handlers: Handlers, door: Doorkeeper): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.use((_, response, next) => {
    response.set('x-content-type-options', 'nosniff');
    next();
  });
  for (const name of Object.keys(routes) as RouteName[]) mount(app, name, handlers, door);
  app.use((request) => {
    throw new StillError('not_found', `there is no ${request.method} ${request.path}; see /openapi.json`);
  });
  app.use(problemHandler(world.log));
  return app;
}

function mount(app: Express, name: RouteName, handlers: Handlers, door: Doorkeeper): void {
  const route: Route = routes[name];
  const handler = handlers[name] as Handler<RouteName>;
  const readBody = route.body && route.body !== 'bytes' ? [jsonBody] : [];
  const identify: RequestHandler = async (request, response, next) => {
    response.locals.caller = await authenticate(door, request, route.access);
    next();
  };
  const answer: RequestHandler = async (request, response) => {
    const result: unknown = await handler(exchangeOf(route, request, response));
    if (result === undefined || response.headersSent) return;
    if (response.statusCode === 200) response.status(route.status);
    response.json(result);
  };
  // Nobody's body is read before it is known who sends it.
  app[route.method](route.path, identify, ...readBody, answer);
}

const jsonBody = express.json({ limit: limits.httpJsonBytes, type: () => true, strict: false });

/** @throws ZodError that names each field which does not fit */
function exchangeOf(route: Route, request: Request, response: Response): Exchange<RouteName> {
  const { caller } = response.locals;
  const { params, query, body } = route;
  return {
    params: params?.parse(request.params),
    query: parseQuery(query, request),
    body: body && body !== 'bytes' ? parseBody(body, request) : undefined,
    caller,
    actor: actorOf(caller),
    request,
    response,
  } as Exchange<RouteName>;
}

/** Refuses what the route does not read: a filter that is misspelt and left out would answer another question. */
function parseQuery(schema: Route['query'], request: Request): unknown {
  const known = Object.keys(schema?.shape ?? {});
  const strange = Object.keys(request.query).filter((name) => !known.includes(name));
  if (strange.length === 0) return schema?.parse(request.query);
  const message = known.length > 0 ? `no such parameter; there is ${known.join(', ')}` : 'no parameter is taken here';
  throw new StillError('invalid_input', `${strange.join(', ')}: ${message}`, {
    problems: strange.map((field) => ({ field, message })),
  });
}

function parseBody(schema: z.ZodType, request: Request): unknown {
  const parsed = schema.safeParse(request.body ?? {});
  if (parsed.success) return parsed.data;
  if (request.headers['content-length'] === '0')
    throw new StillError('invalid_input', 'the request has no body; send one of JSON', {
      problems: parsed.error.issues.map((issue) => ({ field: issue.path.join('.'), message: faultWords(issue) })),
    });
  throw parsed.error;
}

/** Plain express handlers that write their answer themselves. */
function asHandlers(plain: { installScript: RequestHandler; installFile: RequestHandler }) {
  const wrap =
    (handler: RequestHandler) =>
    async ({ request, response }: { request: Request; response: Response }): Promise<undefined> => {
      await new Promise<void>((resolve, reject) => {
        response.once('close', resolve);
        Promise.resolve(handler(request, response, (error?: unknown) => (error ? reject(error) : resolve()))).catch(
          reject,
        );
      });
    };
  return { installScript: wrap(plain.installScript), installFile: wrap(plain.installFile) };
}
