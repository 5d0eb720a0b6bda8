// The child's side of an engine: a runtime, a pipeline and, on first use, the version's evaluator.
import { extname } from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import { seedsFrom } from '../../shared/picture-series.ts';
import type { Evaluator } from '../pipeline/evaluator.ts';
import { EngineFault } from '../pipeline/fault.ts';
import { loadPipeline } from '../pipeline/load-pipeline.ts';
import { withAdapters } from '../pipeline/lora/with-adapters.ts';
import type { PictureRequest, Pipeline, StageProgress } from '../pipeline/pipeline.ts';
import { encodePng, type RgbPicture } from '../pipeline/png.ts';
import { openRuntime } from '../runtime/open-runtime.ts';
import type { CompiledCount, Runtime } from '../runtime/runtime.ts';
import { describeRuntime } from './describe-runtime.ts';
import type { GeneratedPicture, RuntimeDescription } from './engine.ts';
import { fewSteps } from './few-steps.ts';
import type { LoadOrder } from './frames.ts';
import { holdInTurn } from './in-turn.ts';
import { joinParts } from './join-parts.ts';
import { previewer } from './preview.ts';
import { rememberEmbeddings } from './remember-embeddings.ts';
import { stageClock, stepClock } from './stage-clock.ts';
import { type TrackedRuntime, trackSessions } from './tracked-runtime.ts';

/** What the dynamic loader and koffi say of a library that is there and does not fit; a mount without the right to run says more. */
const NO_MEMORY = /failed to allocate|failed to map segment from shared object$|cannot allocate memory(?! in static)/i;

export interface LoadedEngine {
  readonly runtimeVersion: string;
  /** While it was loaded; null for a runtime that does not compile. */
  readonly compiled: CompiledCount | null;
  /** @param reach called between two steps; throws EngineFault `canceled` to stop there */
  generate(request: PictureRequest, reach: (progress: StageProgress) => Promise<void>): Promise<GeneratedPicture[]>;
  evaluate(png: Uint8Array): Promise<Record<string, string>>;
  describe(): Promise<RuntimeDescription>;
  /** Breaks off the graph that runs now, where the runtime can. */
  interrupt(): void;
  /** Drops what was kept beside the size painted last. */
  makeWay(): void;
}

/** @throws EngineFault `runtime_missing`, `memory_insufficient`, `load_failed` */
export async function loadEngine(order: LoadOrder): Promise<LoadedEngine> {
  const runtime = await findRuntime(order);
  const adapted = order.adapters.length > 0 ? await withAdapters(runtime, order.adapters) : null;
  const whole = adapted?.runtime ?? runtime;
  const inTurn = order.inTurn ? holdInTurn(whole, (await import('../runtime/trim-heap.ts')).trimHeap) : whole;
  const memory = rememberEmbeddings(joinParts(inTurn));
  const pipeline = await loadPipeline({ ...order, runtime: memory.runtime });
  adapted?.requireAllMerged();
  // Zeros in the place of a prompt's words are not to be remembered.
  memory.begin(true);
  if (!order.inTurn) await prepare(runtime, pipeline, order);
  // Loaded late, code and all, so that the memory of a bench is the model's own.
  let evaluator: Promise<Evaluator> | null = null;
  return {
    runtimeVersion: `${runtime.name} ${runtime.version}`,
    compiled: runtime.compiled?.() ?? null,
    async generate(request, reach) {
      memory.begin(request.fresh ?? false);
      runtime.begin?.(request.keepSizes ?? false);
      const pictures = await generate(pipeline, request, reach);
      return pictures.map((picture) => ({ ...picture, embeddingsReused: memory.reused() }));
    },
    async evaluate(png) {
      const files = order.evaluator;
      if (!files) throw new EngineFault('no_evaluator', 'this version carries no evaluator');
      evaluator ??= openEvaluator(files, runtime, order.threads);
      return (await evaluator).evaluate(png);
    },
    describe: () => describeRuntime(runtime),
    interrupt: () => runtime.interrupt?.(),
    makeWay: () => runtime.makeWay?.(),
  };
}

/**
 * A picture of the usual size without its graphs' runs, so that they are compiled now: nothing breaks off a compilation, and a
 * cancel of the first picture would have to kill the engine. The steps are few, for more would only leave more arrays behind
 * (30 MB of zeros after 28 steps of 256x256). Parts that are held in turn are compiled, or taken from the disk, at each of
 * their turns.
 */
async function prepare(runtime: Runtime, pipeline: Pipeline, { defaults }: LoadOrder): Promise<void> {
  const request = { ...defaults, steps: fewSteps(pipeline, defaults), prompt: '', seed: 0, fresh: true };
  await runtime.prepare?.(async () => {
    await pipeline.generate(request, { reach: async () => {} });
  });
}

async function openEvaluator(files: { graph: string; config: string }, runtime: Runtime, threads: number) {
  const { loadEvaluator } = await import('../pipeline/evaluator.ts');
  // Evaluators travel as ONNX, which ONNX Runtime reads; every agent has it.
  const reads = extname(files.graph) === extname(runtime.graphFile);
  const judge = reads ? runtime : await openRuntime('onnxruntime', null);
  // Whatever the pictures were computed in: its labels are to be the toolkit's.
  const inF32: Runtime = { ...judge, load: (path, options) => judge.load(path, { ...options, precision: 'f32' }) };
  return loadEvaluator({ files, runtime: inF32, threads });
}

async function findRuntime({
  runtime: name,
  libraries,
  precision,
  streams,
  compiledFolder,
}: LoadOrder): Promise<TrackedRuntime> {
  try {
    return trackSessions(await openRuntime(name, libraries), { precision, streams, compiledFolder });
  } catch (cause) {
    const code = NO_MEMORY.test(messageOf(cause)) ? 'memory_insufficient' : 'runtime_missing';
    throw new EngineFault(code, `runtime ${name}: ${messageOf(cause)}`, { cause });
  }
}

async function generate(
  pipeline: Pipeline,
  request: PictureRequest,
  reach: (progress: StageProgress) => Promise<void>,
): Promise<Omit<GeneratedPicture, 'embeddingsReused'>[]> {
  const startedAt = performance.now();
  const stages = stageClock(() => performance.now());
  const steps = stepClock(() => performance.now());
  const show = request.previews ? previewer(() => performance.now()) : null;
  const host = {
    reach(progress: StageProgress, preview?: () => RgbPicture) {
      stages.enter(progress.stage);
      steps.reach(progress);
      const png = preview && show?.(preview);
      return reach(png ? { ...progress, preview: png } : progress);
    },
  };
  checkSeed(request.seed);
  pipeline.check(request);
  const { pictures, unknownWords, promptCuts } = await pipeline.generate(request, host);
  await host.reach({ stage: 'png', done: 0, total: 1 });
  const pngs = pictures.map(encodePng);
  const { unguidedUpTo = 1 } = pipeline;
  const isNegativeUnread = request.negativePrompt && request.guidanceScale <= unguidedUpTo;
  const seeds = seedsFrom(request.seed, pngs.length);
  const run = { steps: request.steps, stagesMs: stages.end(), latencyMs: performance.now() - startedAt };
  return pngs.map((png, i) => {
    const { width, height } = pictures[i] as RgbPicture;
    return {
      ...{ png, width, height, seed: seeds[i] as number, unknownWords, promptCuts, ...run },
      ...(request.tiled && { tiled: true }),
      ...(isNegativeUnread && { negativeUnreadUpTo: unguidedUpTo }),
      ...(pngs.length > 1 && { batch: pngs.length }),
      stepsMs: steps.stepsMs,
    };
  });
}

function checkSeed(seed: number): void {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new EngineFault('invalid_request', `seed: ${seed} is no whole number from 0 to ${0xffffffff}`);
}
