// Starts the fleet, tells the story, and then stays or ends. Whatever happens, the processes that it started end.
import pc from 'picocolors';
import { StillError } from '../../../shared/errors.ts';
import { plural } from '../../../shared/plural.ts';
import { duration } from '../../../shared/units.ts';
import { INTERRUPTED_EXIT_CODE } from '../interrupt.ts';
import type { Screen } from '../screen.ts';
import type { BackgroundProcess } from './background-process.ts';
import { type DemoServer, startAgents, startServer } from './fleet.ts';
import { Narrator } from './narrator.ts';
import { shortPath } from './short-path.ts';
import { type Outcome, type Stage, tellStory } from './story.ts';
import { requireTrue } from './verdict.ts';
import { findVersions } from './versions.ts';

export interface DemoOptions {
  readonly once: boolean;
  readonly folder: string;
  readonly devices: readonly string[];
  /** The folder of one model with at least two versions. */
  readonly models: string;
}

export async function runDemo(screen: Screen, options: DemoOptions): Promise<void> {
  const start = performance.now();
  const versions = await findVersions(options.models);
  const processes: BackgroundProcess[] = [];
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  const { signal } = interrupt;
  try {
    screen.line(
      `Stillhouse demo: one server and ${plural(options.devices.length, 'device')} on this machine, in ${shortPath(options.folder)}.`,
    );
    const narrator = new Narrator(screen);
    const server = await startFleet(narrator, options, processes);
    const stage = { client: server.client, narrator, signal, ...options, ...versions };
    const outcome = await Promise.race([tellStory(stage), firstEnd(processes, signal)]);
    await requireTrue(stage, outcome);
    const took = performance.now() - start;
    screen.line(`\n${pc.green('Every step held')}, as the server and the disk say. It took ${duration(took)}.`);
    if (options.once) screen.json ? screen.result(summary(stage, outcome, took), '') : undefined;
    else
      await stay(
        screen,
        server,
        { ...stage, prompt: outcome.picture.view.request.prompt },
        firstEnd(processes, signal),
      );
  } catch (error) {
    if (!signal.aborted) throw pointToLogs(error, processes);
    process.exitCode = INTERRUPTED_EXIT_CODE;
  } finally {
    screen.erase();
    await endFleet(screen, processes);
  }
}

async function startFleet(
  narrator: Narrator,
  options: DemoOptions,
  processes: BackgroundProcess[],
): Promise<DemoServer> {
  const { folder, devices } = options;
  narrator.chapter(`A server and ${plural(devices.length, 'device')} start`);
  const server = await narrator.timed(
    'the server starts',
    () => startServer(folder),
    ({ client }) => `the server is ready at ${client.url.origin}`,
  );
  processes.push(server.process);
  await narrator.timed(
    'the devices start',
    () => startAgents(server, folder, devices, (agent) => processes.push(agent)),
    () => `${devices.join(', ')} are online`,
  );
  return server;
}

/** Rejects when a process ends by itself or the demo is told to end. */
function firstEnd(processes: readonly BackgroundProcess[], signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new StillError('timeout', 'interrupted')), { once: true });
    for (const { name, ended } of processes)
      ended.then(() => reject(new StillError('internal', `the process of ${name} ended by itself`)));
  });
}

async function stay(
  screen: Screen,
  server: DemoServer,
  { devices, second, prompt }: Stage & { prompt: string },
  end: Promise<never>,
): Promise<void> {
  const device = devices[0] ?? '';
  const { model, version } = second.manifest;
  screen.line(`
Everything stays up until Ctrl-C. In another terminal:

  export STILL_SERVER=${server.client.url.origin} STILL_KEY=${server.key}
  npx still devices
  npx still picture ${device} "${prompt}" --seed 7 -o still.png
  npx still table
  npx still bench ${device} ${model}@${version} --mode quick --wait
  npx still devices label ${device} floor=1
  npx still events`);
  await end;
}

function summary({ client, devices, second }: Stage, { rollouts, stopped, table, picture }: Outcome, tookMs: number) {
  const { view, result, file } = picture;
  return {
    server: client.url.origin,
    devices,
    ...{ model: second.manifest.model, version: second.manifest.version },
    ...{ rollouts, stopped, table },
    picture: { file, device: view.device, prompt: view.request.prompt, ...result },
    tookMs: Math.round(tookMs),
  };
}

function pointToLogs(error: unknown, processes: readonly BackgroundProcess[]): unknown {
  if (!(error instanceof StillError) || processes.length === 0) return error;
  const logs = { message: `what the processes said: ${processes.map(({ logFile }) => shortPath(logFile)).join(' ')}` };
  return new StillError(error.code, error.message, { problems: [...error.problems, logs], cause: error });
}

async function endFleet(screen: Screen, processes: readonly BackgroundProcess[]): Promise<void> {
  if (processes.length === 0) return;
  screen.draw(['The server and the devices end …']);
  const [server, ...agents] = processes;
  await Promise.all(agents.map((agent) => agent.stop()));
  await server?.stop();
  screen.line('\nThe server and the devices have ended.');
}
