// `still run`: pictures from a folder on this machine, without a server, for trying it before it is published. It uses
// the engine of the agent, so a device paints the same bytes.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asksForJson, type CommandFailure, failureJson, failureOf, SeriesCut } from '../shared/command-failure.ts';
import { ERROR_CODES, messageOf, StillError } from '../shared/errors.ts';
import { encodedFor } from '../shared/picture-file.ts';
import { literalWeights } from '../shared/prompt-notices.ts';
import { runtimeFoldersOfProcess } from './config.ts';
import { adaptersOf } from './engine/adapters-of.ts';
import { EngineFault, type ProcessEngine } from './engine/engine.ts';
import { createEngineLauncher } from './engine/supervisor.ts';
import { type OpenedFolder, openFolder } from './open-folder.ts';
import { type DescribedAdapter, describeAdapters } from './pipeline/lora/describe-adapters.ts';
import { predictRun, type RunPrediction } from './predict-run.ts';
import { HELP, type RunArguments, readArguments } from './run-arguments.ts';
import { figuresOf, type RunResult, showProgress, tellResults } from './run-output.ts';
import { systemClock } from './system-clock.ts';

/** Faults of the request, as opposed to those of the folder or the engine. */
const REFUSALS: readonly string[] = [
  ...['invalid_request', 'prompt_too_long', 'size_not_supported', 'steps_not_supported', 'memory_insufficient'],
];

try {
  const wanted = await readArguments(process.argv.slice(2));
  if (wanted) tellResults(wanted, await run(wanted));
  else process.stdout.write(HELP);
} catch (error) {
  process.stderr.write(`still run: ${messageOf(error)}\n`);
  if (asksForJson(process.argv)) process.stdout.write(failureJson(told(error)));
  process.exitCode = exitCodeOf(error);
}

function told(error: unknown): CommandFailure {
  if (error instanceof SeriesCut) return { ...told(error.cause), pictures: error.pictures };
  return error instanceof EngineFault ? { code: error.code, message: error.message } : failureOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof SeriesCut) return exitCodeOf(error.cause);
  if (error instanceof StillError) return ERROR_CODES[error.code][1];
  return error instanceof EngineFault && REFUSALS.includes(error.code) ? 4 : 1;
}

async function run(wanted: RunArguments): Promise<RunResult[]> {
  const opened = await openFolder(wanted.folder, wanted.variant, wanted.inferencePrecision);
  const { spec } = opened;
  const adapters = await describeAdapters(
    [...adaptersOf(spec), ...wanted.adapters],
    join(spec.folder, spec.variant.folder),
  );
  const predicted = await predict(wanted, opened, adapters);
  const aborting = new AbortController();
  // One press of Ctrl-C may be heard twice, through npm; and what is canceled ends soon enough not to be pressed at again.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => aborting.abort());
  aborting.signal.addEventListener('abort', () => process.once('beforeExit', () => process.exit()));
  const engine = await launch(wanted, opened, aborting.signal);
  const results: RunResult[] = [];
  try {
    await paint({ wanted, opened, engine, adapters, predicted, results, signal: aborting.signal });
  } catch (error) {
    if (results.length === 0) throw error;
    if (!wanted.json) tellResults(wanted, results);
    throw new SeriesCut(error, results);
  } finally {
    await engine.close();
  }
  return results;
}

function predict(
  { request, runs, inTurn }: RunArguments,
  opened: OpenedFolder,
  adapters: readonly DescribedAdapter[],
): Promise<RunPrediction> {
  const { width, height } = sizeOf(request, opened);
  return predictRun(opened, {
    ...{ pixels: width * height, batch: runs[0]?.length ?? 1, tiled: request.tiled ?? false },
    ...{ image: request.image !== undefined, inTurn, adapters },
  });
}

function launch(
  { request, threads, streams, inTurn, adapters }: RunArguments,
  opened: OpenedFolder,
  signal: AbortSignal,
): Promise<ProcessEngine> {
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const launcher = createEngineLauncher({ clock: systemClock, log, runtimeFolders: runtimeFoldersOfProcess() });
  // The usual size is what OpenVINO compiles while it loads; the usual steps may be more than the scheduler takes.
  const { steps = opened.spec.variant.steps } = request;
  const variant = { ...opened.spec.variant, steps, resolution: sizeOf(request, opened) };
  return launcher.launch(
    { ...opened.spec, variant },
    { inTurn, adapters, signal, ...(threads !== undefined && { threads }), ...(streams !== undefined && { streams }) },
  );
}

async function paint({
  wanted: { request, runs, previews },
  opened: { told },
  engine,
  adapters,
  predicted,
  results,
  signal,
}: {
  readonly wanted: RunArguments;
  readonly opened: OpenedFolder;
  readonly engine: ProcessEngine;
  readonly adapters: readonly DescribedAdapter[];
  readonly predicted: RunPrediction;
  /** Where each picture that was saved is entered. */
  readonly results: RunResult[];
  readonly signal: AbortSignal;
}): Promise<void> {
  const { loadMs, runtimeVersion, threads } = engine;
  const guidanceScale = request.guidanceScale ?? told.defaults.guidanceScale;
  for (const pictures of runs) {
    const [{ file: firstFile, seed }] = pictures;
    const made = await engine.generateBatch(
      { ...request, seed, batch: pictures.length },
      { signal, onProgress: showProgress(previews, firstFile) },
    );
    const { peakRssBytes } = await engine.resources();
    for (const [i, { file }] of pictures.entries()) {
      const picture = made[i];
      if (!picture) throw new EngineFault('run_failed', `of ${pictures.length} pictures ${made.length} were made`);
      await writeFile(file, await encodedFor(file, picture.png));
      results.push({
        ...{ file, ...figuresOf(picture), literalWeights: literalWeights(request.prompt), ...told, guidanceScale },
        ...{ loadMs, ...predicted, peakRssBytes, runtimeVersion, threads },
        ...(adapters.length > 0 && { adapters }),
      });
    }
  }
}

function sizeOf({ width, height }: RunArguments['request'], { told: { defaults } }: OpenedFolder) {
  return { width: width ?? defaults.width, height: height ?? defaults.height };
}
