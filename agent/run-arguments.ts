// What stands on the command line of `still run`, read before anything is loaded.
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, StillError } from '../shared/errors.ts';
import { limits } from '../shared/limits.ts';
import { InferencePrecision } from '../shared/manifest.ts';
import { type PixelSize, pictureAsPng, requireWritten } from '../shared/picture-file.ts';
import { MOST_PICTURES, numbered, seedsFrom } from '../shared/picture-series.ts';
import type { GenerateRequest } from './engine/engine.ts';
import type { AdapterFile } from './pipeline/lora/with-adapters.ts';

export const HELP = `Makes a picture from a folder on this machine: a version's, or a pipeline as optimum
or "still distil export-diffusers" writes it.

Usage: still run FOLDER "PROMPT" [options]

  -o, --out FILE       where to save it, as PNG, or by its name as .jpg or .webp (default: picture.png)
  --seed N             the same seed gives the same picture (default: random)
  --count N            several pictures, of seeds one after the other: picture-1.png, picture-2.png, …
  --batch N            so many of them in one run of the graphs: the same pictures, faster, in more memory
                       (without --count: N pictures)
  --steps N            else what the model likes best
  --guidance G         likewise
  --size WxH           likewise, in pixels
  --scheduler NAME     in place of the folder's own, such as euler, ddim, dpm++-karras
  --negative TEXT      what to lead away from
  --image FILE         begin from this JPEG, PNG or WebP: scaled and cropped to --size, else the picture takes its size;
                       needs vae_encoder in the folder
  --mask FILE          a picture likewise: what is white in it is painted anew, what is black stays
  --strength S         how far to go away from it, over 0 to 1
  --lora FILE[:SCALE]  merge a LoRA (safetensors of diffusers, peft or kohya) into the graphs; may be said again
  --tiled              decode a large picture (and encode --image) in tiles, within the memory of one
  --previews FOLDER    write small pictures of what it looks like on the way there, named after its file
  --variant NAME       of a version that has several
  --inference-precision P
                       f32 (default), or bf16 or f16 on OpenVINO, where the processor has it: faster, and the
                       picture is not quite the same
  --in-turn            hold one part of the model at a time: less memory, slower
  --threads N          of the engine (default: as an agent)
  --streams N          pictures of a batch, or the two of guidance, that OpenVINO computes at once (default: 1)
  --json               print the result, or the error, as JSON
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
  'inference-precision': { type: 'string' },
  threads: { type: 'string' },
  streams: { type: 'string' },
  'in-turn': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parse>['values'];

/** A picture to be made, and where it goes. */
export interface WantedPicture {
  readonly file: string;
  readonly seed: number;
}

/** Made in one run of the graphs; what is shown on the way is the first. */
type Together = readonly [WantedPicture, ...WantedPicture[]];

export interface RunArguments {
  readonly folder: string;
  /** Of the first picture. */
  readonly request: GenerateRequest;
  readonly runs: readonly Together[];
  /** A series was asked for, though it may be of one. */
  readonly isSeries: boolean;
  readonly variant: string | undefined;
  readonly inferencePrecision: InferencePrecision | undefined;
  readonly threads: number | undefined;
  readonly streams: number | undefined;
  readonly adapters: readonly AdapterFile[];
  readonly inTurn: boolean;
  /** Folder of the previews. */
  readonly previews: string | undefined;
  readonly json: boolean;
}

/**
 * @returns null where help was asked for
 * @throws StillError `invalid_input` that names the option
 */
export async function readArguments(argv: readonly string[]): Promise<RunArguments | null> {
  const { values, positionals } = parse(argv);
  if (values.help) return null;
  const [folder, prompt, surplus] = positionals;
  if (folder === undefined || prompt === undefined || surplus !== undefined)
    throw new StillError('invalid_input', 'expected a folder and a prompt in quotes; "still run --help" says more');
  if (!existsSync(folder)) throw new StillError('invalid_input', `there is no folder ${folder}`);
  const painted = requestOf(prompt, values);
  const request = { ...painted, ...(await beginning(values, painted)) };
  if (values.out !== undefined) await requireOut(values.out);
  refuseFile(values.previews);
  return {
    ...{ folder: resolve(folder), request, runs: series(request.seed, values), isSeries: values.count !== undefined },
    ...{ variant: values.variant, inferencePrecision: inferencePrecisionFrom(values['inference-precision']) },
    previews: values.previews,
    threads: values.threads === undefined ? undefined : whole(values.threads, 'threads', 1, 256),
    streams: values.streams === undefined ? undefined : whole(values.streams, 'streams', 1, 256),
    adapters: (values.lora ?? []).map(adapterFrom),
    ...{ inTurn: values['in-turn'] ?? false, json: values.json ?? false },
  };
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
async function requireOut(out: string): Promise<void> {
  const folder = dirname(resolve(out));
  if (!existsSync(folder)) throw new StillError('invalid_input', `--out ${out}: there is no folder ${folder}`);
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory())
    throw new StillError('invalid_input', `--out ${out}: this is a folder; name a file in it`);
  await requireWritten(out).catch((cause) => {
    throw new StillError('invalid_input', `--out ${out}: ${messageOf(cause)}`, { cause });
  });
}

function refuseFile(previews: string | undefined): void {
  if (previews !== undefined && statSync(previews, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new StillError('invalid_input', `--previews ${previews}: this is a file; name a folder`);
}

/** Files and seeds of the pictures, by the runs that they are made in. */
function series(seed: number, { out = 'picture.png', count, batch }: Values): Together[] {
  const together = batch === undefined ? 1 : whole(batch, 'batch', 1, MOST_PICTURES);
  if (count === undefined && together === 1) return [[{ file: out, seed }]];
  const seeds = seedsFrom(seed, count === undefined ? together : whole(count, 'count', 1, MOST_PICTURES));
  const wanted = seeds.map((each, i) => ({ file: numbered(out, i + 1), seed: each }));
  const runs = Math.ceil(wanted.length / together);
  return Array.from({ length: runs }, (_, i) => wanted.slice(i * together, (i + 1) * together) as [WantedPicture]);
}

/** The picture to begin from, whose size is the one to make unless another is said. */
async function beginning({ image, mask, strength }: Values, { width, height }: GenerateRequest) {
  const wanted = width && height ? { width, height } : undefined;
  const [begun, filled] = [await pngOf('image', image, wanted), await pngOf('mask', mask, wanted)];
  return {
    ...(strength !== undefined && { strength: numberFrom(strength, 'strength', 1) }),
    ...(begun && { image: begun.png, ...begun.size }),
    ...(filled && { mask: filled.png }),
  };
}

async function pngOf(name: string, file: string | undefined, wanted: PixelSize | undefined) {
  if (file === undefined) return null;
  requireFile(name, file);
  if (statSync(file).size > limits.pictureBytes)
    throw new StillError('invalid_input', `--${name} ${file}: larger than ${limits.pictureBytes} bytes`);
  const read = await pictureAsPng(await readFile(file), wanted).catch((cause) => {
    throw new StillError('invalid_input', `--${name} ${file}: ${messageOf(cause)}`, { cause });
  });
  const { width, height } = read.size;
  // Before memory is predicted for a size that only a damaged header says.
  if (Math.max(width, height) > limits.pictureSidePixels)
    throw new StillError(
      'invalid_input',
      `--${name} ${file}: it is ${width}x${height}; up to ${limits.pictureSidePixels} pixels a side are read. --size WxH scales it`,
    );
  return read;
}

function requireFile(option: string, file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) throw new StillError('invalid_input', `--${option} ${file}: there is no such file`);
  if (found.isDirectory())
    throw new StillError('invalid_input', `--${option} ${file}: this is a folder; name a file in it`);
}

/** `style.safetensors:0.8`; all of it unless said otherwise. */
function adapterFrom(text: string): AdapterFile {
  const [, file = text, scale = '1'] = /^(.+):(-?[\d.]+)$/.exec(text) ?? [];
  requireFile('lora', file);
  if (!Number.isFinite(Number(scale))) throw new StillError('invalid_input', `--lora ${text}: ${scale} is no number`);
  return { path: resolve(file), scale: Number(scale) };
}

function inferencePrecisionFrom(text: string | undefined): InferencePrecision | undefined {
  const read = InferencePrecision.optional().safeParse(text);
  if (read.success) return read.data;
  const known = InferencePrecision.options.join(', ');
  throw new StillError('invalid_input', `--inference-precision ${text}: expected one of ${known}`);
}

function whole(text: string, name: string, low: number, high: number): number {
  if (/^\d+$/.test(text) && Number(text) >= low && Number(text) <= high) return Number(text);
  throw new StillError('invalid_input', `--${name} ${text}: expected a whole number from ${low} to ${high}`);
}

function numberFrom(text: string, name: string, high = 100): number {
  if (text.trim() !== '' && Number(text) >= 0 && Number(text) <= high) return Number(text);
  throw new StillError('invalid_input', `--${name} ${text}: expected a number from 0 to ${high}`);
}
