// Wires the agent and starts it; decides nothing.
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { ERROR_CODES, messageOf, StillError } from '../shared/errors.ts';
import { timings } from '../shared/limits.ts';
import { type HeardSignal, isEcho } from '../shared/signal-echo.ts';
import { Bell } from './bell.ts';
import { agentVersion, type Config, configOfProcess } from './config.ts';
import { createEngineLauncher } from './engine/supervisor.ts';
import { enrolmentOf } from './enrolment.ts';
import { helloOf } from './hello.ts';
import { readInventory } from './inventory.ts';
import { Loop } from './loop.ts';
import { Mailbox } from './mailbox.ts';
import type { Means, Measure } from './means.ts';
import { brokerClients } from './mqtt/broker-clients.ts';
import { Inbox } from './mqtt/inbox.ts';
import { Link } from './mqtt/link.ts';
import { Outbox } from './mqtt/outbox.ts';
import { planMemory } from './plan-memory.ts';
import { ResidentEngines } from './resident-engines.ts';
import type { Credential } from './store/credential.ts';
import { lockFolder } from './store/lock.ts';
import { openStore } from './store/open-store.ts';
import { systemClock, systemRandomness } from './system-clock.ts';
import { startTelemetry } from './telemetry.ts';

const clock = systemClock;
const randomness = systemRandomness;
const log = (line: string) => void process.stderr.write(`${line}\n`);

try {
  const parsed = configOfProcess();
  if (parsed.kind === 'print') process.stdout.write(parsed.text);
  else await start(parsed.config);
} catch (error) {
  log(`still agent: ${messageOf(error)}`);
  process.exitCode = error instanceof StillError ? ERROR_CODES[error.code][1] : 1;
}

async function start(config: Config): Promise<void> {
  mkdirSync(config.folder, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(config.folder);
  const over = onSignals();
  const measure = measureOf(config);
  const inventory = () => readInventory({ folder: config.folder, agentVersion, measure, log });
  try {
    const credential = await enrolmentOf(config, { clock, randomness, log, inventory, signal: over.signal });
    if (credential && !config.enrolOnly) await run(config, credential, { measure, inventory, over });
  } finally {
    unlock();
  }
}

async function run(
  config: Config,
  credential: Credential,
  { measure, inventory, over }: { measure: Measure; inventory: () => ReturnType<typeof readInventory>; over: Over },
): Promise<void> {
  const { deviceId, name } = credential;
  const bootId = randomUUID();
  const bell = new Bell(clock);
  const store = openStore({ folder: config.folder, clock, randomness, onReport: () => link.wake() });
  const launcher = createEngineLauncher({ clock, log, runtimeFolders: config.runtimeFolders });
  const { lifetime, crashes } = store;
  const engines: ResidentEngines = new ResidentEngines({
    ...{ launcher, threads: config.threads, streams: config.streams, clock: lifetime, crashes, log },
    plan: (spec) => planMemory({ store, measure, engines }, spec),
    onCrash: () => bell.ring(),
  });
  over.onSecondSignal(() => engines.killAll());
  const inbox = new Inbox({ deviceId, mailbox: new Mailbox({ store, bell, log }), log });
  const ready = onceReady(`${name} (${deviceId})`);
  const url = brokerOf(config, credential);
  const link = new Link({
    ...{
      url,
      createClient: brokerClients(url, log),
      deviceId,
      secret: credential.credential.slice(`sd_${deviceId}_`.length),
    },
    ...{ bootId, inbox, outbox: new Outbox({ outgoing: store.outgoing, clock }), clock, randomness, log },
    hello: async () => helloOf({ store, clock }, { bootId, agentVersion, inventory: await inventory() }),
    onReady: ready,
  });
  const means: Means = {
    ...{ store, clock, randomness, engines, measure, agentVersion, log },
    downloadBytesPerSecond: config.downloadBytesPerSecond,
    processor: inventory,
    access: { server: config.server, credential: credential.credential, clock },
    progress: (of) => void link.publish('progress', { atMs: clock.now(), of }),
  };
  const loop = new Loop(means, bell);
  const stopTelemetry = startTelemetry({ ...means, isBusy: () => loop.isBusy }, (telemetry) =>
    link.publish('telemetry', telemetry),
  );
  loop.start();
  link.start();
  await over.happened;
  log('stopping');
  const watchdog = setTimeout(() => over.force('the orderly end takes too long'), timings.shutdownMs);
  stopTelemetry();
  await loop.stop();
  await Promise.all([link.end(), engines.closeAll()]);
  store.close();
  clearTimeout(watchdog);
}

/** The first time on the standard output, for whoever waits for it; later ones are lines of the log. */
function onceReady(device: string): () => void {
  let isFirst = true;
  return () => {
    if (isFirst) process.stdout.write(`still agent ready: ${device} is connected\n`);
    else log('connected again');
    isFirst = false;
  };
}

function brokerOf({ mqtt, server }: Config, credential: Credential): URL {
  if (mqtt) return mqtt;
  if (credential.mqtt.url) return new URL(credential.mqtt.url);
  const url = new URL('mqtt://host');
  url.hostname = server.hostname;
  url.port = String(credential.mqtt.port);
  return url;
}

/** The heavier rooms are loaded when they are needed first: an idle agent does not carry them. */
function measureOf({ folder, runtimeFolders }: Config): Measure {
  return {
    runBench: async (options) => (await import('./measure/bench.ts')).runBench(options),
    runComparison: async (options) => (await import('./measure/compare.ts')).runComparison(options),
    checkGolden: async (...given) => (await import('./measure/golden.ts')).checkGolden(...given),
    compareShadow: async (shadow) => (await import('./measure/shadow.ts')).compareShadow(shadow),
    ownRssBytes: () => process.memoryUsage.rss(),
    readHost: async () => (await import('./measure/host.ts')).readHost(),
    readProcess: async (pid) => (await import('./measure/host.ts')).readProcess(pid),
    installedRuntimes: async () => (await import('./runtime/installed.ts')).installedRuntimes(runtimeFolders),
    async diskFree() {
      const { bsize, bavail, blocks } = await statfs(folder);
      return { freeBytes: bsize * bavail, totalBytes: bsize * blocks };
    },
  };
}

interface Over {
  readonly signal: AbortSignal;
  readonly happened: Promise<void>;
  onSecondSignal(action: () => void): void;
  /** Ends the process here and now. */
  force(why: string): void;
}

/** The first signal asks for an orderly end, the second one ends at once. */
function onSignals(): Over {
  const controller = new AbortController();
  const { promise: happened, resolve } = Promise.withResolvers<void>();
  let atOnce = () => {};
  const force = (why: string) => {
    log(`${why}: ending now`);
    atOnce();
    process.exit(1);
  };
  let first: HeardSignal | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const heard = { signal, atMs: performance.now() };
    if (first) return isEcho(first, heard) ? undefined : force(`${signal} again`);
    first = heard;
    process.once('beforeExit', () => process.exit());
    controller.abort();
    resolve();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return {
    signal: controller.signal,
    happened,
    onSecondSignal: (action) => {
      atOnce = action;
    },
    force,
  };
}
