// The parent's side: launches engines, hands them one request at a time, and takes their process away when they do not
// stop in time or die. The parent's own event loop never waits for a runtime.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { inferencePrecisionOf } from '../../shared/inference-precision.ts';
import { timings } from '../../shared/limits.ts';
import { isWhole } from '../runtime/openvino/is-whole.ts';
import { defaultRuntimeFolders, findOpenVino, INSTALL_OPENVINO } from '../runtime/runtime-folders.ts';
import { adaptersOf } from './adapters-of.ts';
import { type Child, type ChildEnd, startChild } from './child.ts';
import {
  EngineFault,
  type EngineLauncher,
  type GeneratedPicture,
  type LaunchOptions,
  type LaunchSpec,
  type ProcessEngine,
} from './engine.ts';
import type { FaultFrame, LoadOrder, ToParent } from './frames.ts';
import { readProcess } from './read-process.ts';
import { RequestLine } from './request-line.ts';
import { watchHang } from './watch-hang.ts';

/** The graphs of small devices gain nothing from more threads, and on a large machine lose by waiting for them. */
const MOST_THREADS = 4;

interface Surroundings {
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** Where "still runtime install" puts runtimes; the default places where nothing is said. */
  readonly runtimeFolders?: readonly string[];
}

/** @returns an EngineLauncher that needs to know less of a version than those of agents do */
export function createEngineLauncher(surroundings: Surroundings) {
  return {
    launch: (spec: LaunchSpec, options: LaunchOptions = {}) => launch(surroundings, spec, options),
  } satisfies EngineLauncher;
}

async function launch(
  { clock, log, runtimeFolders = defaultRuntimeFolders() }: Surroundings,
  spec: LaunchSpec,
  options: LaunchOptions,
): Promise<ProcessEngine> {
  if (options.signal?.aborted) throw new EngineFault('canceled', 'canceled before the engine was started');
  const startedAt = clock.monotonic();
  const threads = options.threads ?? Math.min(MOST_THREADS, availableParallelism());
  const { inTurn = false, predictedPeakBytes = null, adapters = [], streams = 1 } = options;
  const loading = Promise.withResolvers<Ready>();
  let asked: string | null = null;
  const asking: (() => void)[] = [];
  const onFrame = (frame: ToParent) => {
    if (isOfLoad(frame)) settleLoad(loading, frame);
    else if (frame.kind === 'made-way') asking.shift()?.();
    else line.receive(frame);
  };
  const child = startChild({ log, onFrame });
  const kill = (why: string) => {
    asked ??= why;
    child.kill();
  };
  const line = new RequestLine({
    ...{ clock, send: child.send },
    kill: () => kill(`because a canceled request did not stop within ${timings.engineCancelMs} ms`),
  });
  let killedFor: string | null = null;
  const stopWatching = watchHang({
    clock,
    isAsked: () => line.isAsked,
    readCpuMs: async () => (await readProcess(child.pid)).cpuMs,
    onHang: () => {
      killedFor = `it hung: it took no processor time for ${timings.engineHangMs / 1000} s in the midst of a request`;
      kill(`because ${killedFor}`);
    },
  });
  const exited = child.ended.then((end) => {
    stopWatching();
    const fault = new EngineFault('killed', describeEnd(child, end, asked));
    loading.reject(fault);
    line.fail(fault);
    return { ...end, expected: asked !== null && killedFor === null, killedFor };
  });
  const order = orderOf(spec, { threads, streams, runtimeFolders, inTurn, adapters });
  child.send({ kind: 'load', order });
  const { runtimeVersion, compiled } = await loaded(loading, {
    ...{ clock, signal: options.signal },
    kill: () => kill('because it was not loaded'),
  }).catch(async (fault) => Promise.reject(await orDamage(fault, order.libraries)));
  const { peakRssBytes: loadedBytes } = await readProcess(child.pid);
  return {
    ...{ loadedBytes, predictedPeakBytes, inTurn, compiled },
    pid: child.pid,
    loadMs: clock.monotonic() - startedAt,
    runtimeVersion,
    threads,
    async generate(request, hooks = {}) {
      const [made] = await line.generate({ ...defaultsOf(spec), ...defined(request) }, hooks);
      return made as GeneratedPicture;
    },
    generateBatch: (request, hooks = {}) => line.generate({ ...defaultsOf(spec), ...defined(request) }, hooks),
    evaluate: (png, signal) => line.evaluate(png, signal),
    async makeWay() {
      // One that does not compile keeps nothing, and its graphs block whoever would answer.
      if (compiled === null) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      asking.push(resolve);
      child.send({ kind: 'make-way' });
      const stopWaiting = clock.after(timings.engineMakeWayMs, resolve);
      await Promise.race([promise, exited]);
      stopWaiting();
    },
    describe: (signal) => line.describe(signal),
    resources: () => readProcess(child.pid),
    exited,
    async close() {
      asked ??= 'because it was closed';
      child.send({ kind: 'close' });
      const stopWaiting = clock.after(timings.engineCloseMs, child.kill);
      await exited;
      stopWaiting();
    },
  };
}

type Ready = Extract<ToParent, { kind: 'ready' }>;
type Loading = PromiseWithResolvers<Ready>;

const isOfLoad = (frame: ToParent): frame is Ready | FaultFrame =>
  frame.kind === 'ready' || (frame.kind === 'fault' && frame.id === null);

function settleLoad(loading: Loading, frame: Ready | FaultFrame): void {
  if (frame.kind === 'ready') loading.resolve(frame);
  else loading.reject(new EngineFault(frame.code, frame.message));
}

/** A load cannot be stopped between two steps: too late or unwanted, its process ends. */
async function loaded(
  loading: Loading,
  { clock, kill, signal }: { clock: Clock; kill: () => void; signal: AbortSignal | undefined },
): Promise<Ready> {
  const stop = (fault: EngineFault) => {
    loading.reject(fault);
    kill();
  };
  const onAbort = () => stop(new EngineFault('canceled', 'canceled while loading'));
  const seconds = timings.engineLoadMs / 1000;
  const stopWaiting = clock.after(timings.engineLoadMs, () =>
    stop(new EngineFault('timeout', `the engine was not loaded after ${seconds} s`)),
  );
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await loading.promise;
  } catch (thrown) {
    kill();
    throw thrown;
  } finally {
    stopWaiting();
    signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * What damaged libraries do to an engine looks like a fault of the version; whoever reads of it should mend them. They are
 * read for it only now, so that no start waits for that.
 */
async function orDamage(fault: EngineFault, libraries: string | null): Promise<EngineFault> {
  const maybe = fault.code === 'killed' || fault.code === 'load_failed' || fault.code === 'run_failed';
  if (libraries === null || !maybe || (await isWhole(libraries))) return fault;
  const remedy = `the libraries in ${libraries} are damaged, and "${INSTALL_OPENVINO}" replaces them`;
  return new EngineFault('runtime_missing', `runtime openvino: ${remedy}; ${fault.message}`, { cause: fault });
}

function orderOf(
  spec: LaunchSpec,
  {
    runtimeFolders,
    adapters,
    ...how
  }: Pick<LoadOrder, 'threads' | 'streams' | 'inTurn' | 'adapters'> & {
    readonly runtimeFolders: readonly string[];
  },
): LoadOrder {
  const { variant, manifest, folder, compiledFolder = null } = spec;
  const evaluator = manifest.evaluation?.evaluator;
  return {
    runtime: variant.runtime,
    libraries: variant.runtime === 'openvino' ? findOpenVino(runtimeFolders) : null,
    precision: inferencePrecisionOf(variant),
    compiledFolder,
    ...how,
    adapters: [...adaptersOf(spec), ...adapters],
    folder: join(folder, variant.folder),
    defaults: defaultsOf(spec),
    evaluator: evaluator ? { graph: join(folder, evaluator.graph), config: join(folder, evaluator.config) } : null,
  };
}

function defaultsOf({ variant }: LaunchSpec) {
  const { steps, guidanceScale, resolution, tiled } = variant;
  const size = { width: resolution.width, height: resolution.height };
  return { steps, guidanceScale, ...size, ...(tiled !== undefined && { tiled }) };
}

/** Leaves out what is undefined, so that it cannot hide a default. */
function defined<T extends object>(request: T): T {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as T;
}

/** @param asked why it was made to end; null where it ended by itself */
function describeEnd(child: Child, { code, signal }: ChildEnd, asked: string | null): string {
  if (asked !== null) return `the engine process ${child.pid} was ended ${asked}`;
  const how = signal
    ? `was killed by ${signal}`
    : code === null
      ? 'could not be started'
      : `ended with exit code ${code}`;
  const why = signal === 'SIGKILL' ? ' (the kernel sends it when memory runs out)' : '';
  const words = child.lastWords();
  return `the engine process ${child.pid} ${how}${why}${words ? `; it last said: ${words}` : ''}`;
}
