// `still run`: one picture from a folder on this machine, without a server, for trying it before it is published. It uses
// the engine of the agent, so a device paints the same bytes.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ERROR_CODES, messageOf, StillError } from '../shared/errors.ts';
import { limits } from '../shared/limits.ts';
import { MOST_PICTURES, numbered, seedsFrom } from '../shared/picture-series.ts';
import { pngSize } from '../shared/png-size.ts';
import { literalWeights, noticeTexts, type PromptNotices } from '../shared/prompt-notices.ts';
import { runtimeFoldersOfProcess } from './config.ts';
import { EngineFault, type GeneratedPicture, type GenerateRequest, type StageProgress } from './engine/engine.ts';
import { createEngineLauncher } from './engine/supervisor.ts';
import { openFolder } from './open-folder.ts';
import { predictRun } from './predict-run.ts';
import { systemClock } from './system-clock.ts';

const HELP = `Makes a picture from a folder on this machine: a version's, or a pipeline as optimum
or "still distil export-diffusers" writes it.

Usage: still run FOLDER "PROMPT" [options]

  -o, --out FILE       where to save it (default: picture.png)
  --seed N             the same seed gives the same picture (default: random)
  --count N            several pictures, of seeds one after the other: picture-1.png, picture-2.png, …
  --batch N            so many of them in one run of the graphs: the same pictures, faster, in more memory
                       (without --count: N pictures)
  --steps N            else what the model likes best
  --guidance G         likewise
  --size WxH           likewise, in pixels
  --scheduler NAME     in place of the folder's own, such as euler, ddim, dpm++-karras
  --negative TEXT      what to lead away from
  --image FILE         begin from this PNG, whose size the picture takes; needs vae_encoder in the folder
  --mask FILE          a PNG of that size: what is white in it is painted anew, what is black stays
  --strength S         how far to go away from it, over 0 to 1
  --lora FILE[:SCALE]  merge a LoRA (safetensors of diffusers, peft or kohya) into ONNX graphs; may be said again
  --tiled              decode a large picture (and encode --image) in tiles, within the memory of one
  --previews FOLDER    write small pictures of what it looks like on the way there
  --variant NAME       of a version that has several
  --in-turn            hold one part of the model at a time: less memory, slower
  --threads N          of the engine (default: as an agent)
  --json               print the result as JSON
`;
const OPTIONS = {
  out: { type: 'string', short: 'o' },
  seed: { type: 'string' },
  count: { type: 'string' },
  batch: { type: 'string' },
  steps: { type: 'string' },
  guidance: { type: 'string' },
  size: { type: 'string' },
  scheduler: { type: 'string' },
  negative: { type: 'string' },
  lora: { type: 'string', multiple: true },
  tiled: { type: 'boolean' },
  image: { type: 'string' },
  mask: { type: 'string' },
  strength: { type: 'string' },
  previews: { type: 'string' },
  variant: { type: 'string' },
  threads: { type: 'string' },
  'in-turn': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;
/** Faults of the request, as opposed to those of the folder or the engine. */
const REFUSALS: readonly string[] = [
  ...['invalid_request', 'prompt_too_long', 'size_not_supported', 'steps_not_supported', 'memory_insufficient'],
];

type Values = ReturnType<typeof parse>['values'];

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`still run: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof StillError) return ERROR_CODES[error.code][1];
  return error instanceof EngineFault && REFUSALS.includes(error.code) ? 4 : 1;
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  if (values.help) return void process.stdout.write(HELP);
  const [folder, prompt, surplus] = positionals;
  if (folder === undefined || prompt === undefined || surplus !== undefined)
    throw new StillError('invalid_input', 'expected a folder and a prompt in quotes; "still run --help" says more');
  if (!existsSync(folder)) throw new StillError('invalid_input', `there is no folder ${folder}`);
  const request = { ...requestOf(prompt, values), ...(await beginning(values)) };
  const wanted = series(request.seed, values);
  if (values.out !== undefined) requireFolderOf(values.out);
  const opened = await openFolder(resolve(folder), values.variant);
  const threads = values.threads === undefined ? {} : { threads: whole(values.threads, 'threads', 1, 256) };
  const adapters = (values.lora ?? []).map(adapterFrom);
  const inTurn = values['in-turn'] ?? false;
  const { width = opened.told.defaults.width, height = opened.told.defaults.height } = request;
  const predictedPeakBytes = await predictRun(opened, {
    ...{
      pixels: width * height,
      batch: wanted[0]?.length ?? 1,
      tiled: values.tiled ?? false,
      again: wanted.length > 1,
      inTurn,
      adapters,
    },
  });
  const aborting = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => aborting.abort());
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const launcher = createEngineLauncher({ clock: systemClock, log, runtimeFolders: runtimeFoldersOfProcess() });
  // The usual size is what OpenVINO compiles while it loads.
  const spec = { ...opened.spec, variant: { ...opened.spec.variant, resolution: { width, height } } };
  const engine = await launcher.launch(spec, {
    ...threads,
    ...{ inTurn, adapters, signal: aborting.signal },
  });
  try {
    const { loadMs, runtimeVersion, threads: used } = engine;
    const { told } = opened;
    const guidanceScale = request.guidanceScale ?? told.defaults.guidanceScale;
    const results: Result[] = [];
    for (const files of wanted) {
      const made = await engine.generateBatch(
        { ...request, seed: files[0]?.seed ?? request.seed, batch: files.length },
        { signal: aborting.signal, onProgress: shown(values.previews) },
      );
      const { peakRssBytes } = await engine.resources();
      for (const [i, picture] of made.entries()) {
        const { file } = files[i] as Wanted;
        await writeFile(file, picture.png);
        const about = { file, ...figures(picture), literalWeights: literalWeights(prompt), ...told, guidanceScale };
        results.push({ ...about, loadMs, predictedPeakBytes, peakRssBytes, runtimeVersion, threads: used });
      }
    }
    tell(values, results);
  } finally {
    await engine.close();
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: negativesJoined(argv), allowPositionals: true, options: OPTIONS });
  } catch (error) {
    // What Node adds is about arguments that begin with a dash.
    const [what] = messageOf(error).split(/\. |\.?\n/);
    throw new StillError('invalid_input', `${what}; "still run --help" lists the options`);
  }
}

/** `--steps -3` is a wrong number, which gets its own answer, and no option -3. */
function negativesJoined(argv: readonly string[]): string[] {
  const isValue = (i: number) => /^--\w/.test(argv[i - 1] ?? '') && /^-[\d.]/.test(argv[i] ?? '');
  return argv.flatMap((word, i) => (isValue(i) ? [] : [isValue(i + 1) ? `${word}=${argv[i + 1]}` : word]));
}

function requestOf(prompt: string, values: Values): GenerateRequest {
  const { seed, steps, guidance, size, scheduler, negative, tiled } = values;
  const [, width, height] = size === undefined ? [] : (/^(\d{1,5})[x×](\d{1,5})$/.exec(size) ?? []);
  if (size !== undefined && !width) throw new StillError('invalid_input', `--size ${size}: expected WxH such as 64x64`);
  if (Math.max(Number(width ?? 0), Number(height ?? 0)) > limits.pictureSidePixels)
    throw new StillError('invalid_input', `--size ${size}: up to ${limits.pictureSidePixels} pixels a side`);
  return {
    prompt,
    seed: seed === undefined ? Math.floor(Math.random() * 2 ** 32) : whole(seed, 'seed', 0, 0xffffffff),
    ...(steps !== undefined && { steps: whole(steps, 'steps', 1, limits.steps) }),
    ...(guidance !== undefined && { guidanceScale: numberFrom(guidance, 'guidance') }),
    ...(width && height && { width: Number(width), height: Number(height) }),
    ...(scheduler !== undefined && { scheduler }),
    ...(negative !== undefined && { negativePrompt: negative }),
    ...(tiled && { tiled }),
    ...(values.previews !== undefined && { previews: true }),
  };
}

/** Before minutes of painting, not after. */
function requireFolderOf(out: string): void {
  const folder = dirname(resolve(out));
  if (!existsSync(folder)) throw new StillError('invalid_input', `--out ${out}: there is no folder ${folder}`);
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory())
    throw new StillError('invalid_input', `--out ${out}: this is a folder; name a file in it`);
}

interface Wanted {
  readonly file: string;
  readonly seed: number;
}

/** Files and seeds of the pictures, by the runs that they are made in. */
function series(seed: number, { out = 'picture.png', count, batch }: Values): Wanted[][] {
  const together = batch === undefined ? 1 : whole(batch, 'batch', 1, MOST_PICTURES);
  if (count === undefined && together === 1) return [[{ file: out, seed }]];
  const seeds = seedsFrom(seed, count === undefined ? together : whole(count, 'count', 1, MOST_PICTURES));
  const wanted = seeds.map((each, i) => ({ file: numbered(out, i + 1), seed: each }));
  const runs = Math.ceil(wanted.length / together);
  return Array.from({ length: runs }, (_, i) => wanted.slice(i * together, (i + 1) * together));
}

/** The picture to begin from, whose size is the one to make unless another is said. */
async function beginning({ image, mask, strength, size }: Values) {
  const [begun, filled] = [await pngOf('image', image), await pngOf('mask', mask)];
  return {
    ...(strength !== undefined && { strength: numberFrom(strength, 'strength') }),
    ...(begun && { image: begun.png, ...(size === undefined && begun.size) }),
    ...(filled && { mask: filled.png }),
  };
}

async function pngOf(name: string, file: string | undefined) {
  if (file === undefined) return null;
  if (!existsSync(file)) throw new StillError('invalid_input', `--${name} ${file}: there is no such file`);
  const png = new Uint8Array(await readFile(file));
  const size = pngSize(png);
  if (!size) throw new StillError('invalid_input', `--${name} ${file}: this is no PNG`);
  if (png.length > limits.pictureBytes)
    throw new StillError('invalid_input', `--${name} ${file}: larger than ${limits.pictureBytes} bytes`);
  return { png, size };
}

/** `style.safetensors:0.8`; all of it unless said otherwise. */
function adapterFrom(text: string) {
  const [, file = text, scale = '1'] = /^(.+):(-?[\d.]+)$/.exec(text) ?? [];
  if (!existsSync(file)) throw new StillError('invalid_input', `--lora ${file}: there is no such file`);
  if (!Number.isFinite(Number(scale))) throw new StillError('invalid_input', `--lora ${text}: ${scale} is no number`);
  return { path: resolve(file), scale: Number(scale) };
}

function whole(text: string, name: string, low: number, high: number): number {
  if (/^\d+$/.test(text) && Number(text) >= low && Number(text) <= high) return Number(text);
  throw new StillError('invalid_input', `--${name} ${text}: expected a whole number from ${low} to ${high}`);
}

function numberFrom(text: string, name: string): number {
  if (text.trim() !== '' && Number(text) >= 0 && Number(text) <= 100) return Number(text);
  throw new StillError('invalid_input', `--${name} ${text}: expected a number from 0 to 100`);
}

/** On the terminal, and each preview as `step-<n>.png`. */
function shown(previews: string | undefined): (progress: StageProgress) => void {
  if (previews === undefined) return showProgress;
  mkdirSync(previews, { recursive: true });
  return (progress) => {
    showProgress(progress);
    if (progress.preview) writeFileSync(join(previews, `step-${progress.done}.png`), progress.preview);
  };
}

function showProgress({ stage, done, total }: StageProgress): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[K${stage === 'png' ? '' : `${stage} ${done} of ${total}`}`);
}

function figures(made: GeneratedPicture) {
  const { png, seed, steps, width, height, latencyMs, stagesMs, unknownWords, promptCuts, tiled, batch } = made;
  const sha256 = createHash('sha256').update(png).digest('hex');
  const told = { seed, steps, width, height, latencyMs, stagesMs, unknownWords, promptCuts, sha256 };
  return { ...told, ...(tiled && { tiled }), ...(batch && { batch }) };
}

type Result = Readonly<Record<string, unknown>> &
  PromptNotices & {
    readonly latencyMs: number;
    readonly batch?: number;
    readonly predictedPeakBytes: number;
    readonly peakRssBytes: number;
  };

function tell(values: Values, results: readonly Result[]): void {
  if (values.json) {
    const told = results.length === 1 && values.count === undefined ? results[0] : { pictures: results };
    return void process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  }
  for (const { file, width, height, seed, steps, latencyMs, batch } of results) {
    const took = `${(latencyMs / 1000).toFixed(2)} s${batch ? ` for ${batch} together` : ''}`;
    process.stdout.write(`Saved ${file} (${width}×${height}, seed ${seed}, ${steps} steps, ${took}).\n`);
  }
  const last = results.at(-1) as Result;
  // One prompt, so all of them say the same.
  for (const notice of noticeTexts(last)) process.stdout.write(`${notice}\n`);
  const [taken, predicted] = [last.peakRssBytes, last.predictedPeakBytes].map((bytes) => Math.round(bytes / 1e6));
  const memory = `${taken} MB of memory (${predicted} predicted)`;
  process.stdout.write(`${last.pipeline}, ${last.variant}, ${last.runtimeVersion}, ${memory}\n`);
}
