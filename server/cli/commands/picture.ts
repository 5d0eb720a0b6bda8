import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { SeriesCut } from '../../../shared/command-failure.ts';
import { messageOf, StillError } from '../../../shared/errors.ts';
import type { FitTarget } from '../../../shared/fit.ts';
import type { PictureView } from '../../../shared/http-api.ts';
import { limits } from '../../../shared/limits.ts';
import { PicturePriority } from '../../../shared/messages.ts';
import { type PixelSize, pictureAsPng, requireWritten } from '../../../shared/picture-file.ts';
import { MOST_PICTURES, numbered, previewName, seedsFrom } from '../../../shared/picture-series.ts';
import { plural } from '../../../shared/plural.ts';
import { fitTarget, integer, jobTimeout, modelOption, number, size } from '../arguments.ts';
import { type Fetched, fetchPicture, fetchPictures, pictureFileName, writePicture } from '../fetch-picture.ts';
import { halfBlocks } from '../half-blocks.ts';
import { untilInterrupt } from '../interrupt.ts';
import { requireFolderOf } from '../out-file.ts';
import { openSession } from '../session.ts';
import { pictureText } from '../views/picture-text.ts';

interface Options {
  readonly seed?: number;
  readonly steps?: number;
  readonly guidance?: number;
  readonly size?: { width: number; height: number };
  readonly fit?: FitTarget;
  readonly model?: { model: string; version?: string };
  readonly variant?: string;
  readonly scheduler?: string;
  readonly negative?: string;
  readonly tiled?: boolean;
  readonly image?: string;
  readonly mask?: string;
  readonly strength?: number;
  readonly count?: number;
  readonly out?: string;
  readonly timeout?: number;
  readonly priority?: PicturePriority;
  readonly cached?: boolean;
  readonly previews?: string;
  readonly show: boolean;
}

export function picture(): Command {
  return new Command('picture')
    .description('Fetch a picture from a device.')
    .argument('<device>', 'its name; or a selector, and the device that is ready first makes it')
    .argument('<prompt>', 'what to draw')
    .option(
      '-o, --out <file>',
      'where to save it, as PNG, or by its name as .jpg or .webp; else named after prompt and seed, and never over another file',
    )
    .option('--seed <number>', 'the same seed gives the same picture; else random', integer(0, 0xffffffff))
    .option('--count <number>', 'several, of seeds one after the other', integer(1, MOST_PICTURES))
    .option('--steps <count>', 'else what the model likes best', integer(1, limits.steps))
    .option('--guidance <scale>', 'else what the model likes best', number(0, 100))
    .option('--size <WxH>', 'in pixels; else what the model likes best', size)
    .option(
      '--fit <target>',
      'latency=500ms or memory=300MB: the largest size and most steps that meet it there',
      fitTarget,
    )
    .option('--model <model[@version]>', 'where the device runs more than one', modelOption)
    .option('--variant <name>', 'such as openvino-fp16; refused where the device runs another')
    .option('--scheduler <name>', 'in place of the model’s own, such as euler, ddim, dpm++-karras')
    .option('--negative <text>', 'what to lead away from')
    .option(
      '--tiled',
      'decode a large picture (and encode --image) in tiles; a device also does so where the whole would not fit its memory',
    )
    .option(
      '--image <file>',
      'begin from this JPEG, PNG or WebP: scaled and cropped to --size, else the picture takes its size',
    )
    .option('--mask <file>', 'a picture likewise: what is white in it is painted anew, what is black stays')
    .option(
      '--strength <share>',
      'how far to go away from it, over 0 to 1; else what the model likes best',
      number(0, 1),
    )
    .addOption(
      new Option('--priority <priority>', 'among the pictures that wait there; else normal').choices(
        PicturePriority.options,
      ),
    )
    .option('--cached', 'a picture that the device made for the same request with --cached before will do')
    .option('--previews <folder>', 'write small pictures of what it looks like on the way there, named after its file')
    .option(
      '--timeout <duration>',
      'how long it may take, waiting for its turn included (10m if left out); refused at once where it would need longer by what was measured there',
      jobTimeout,
    )
    .option('--no-show', 'do not draw it in the terminal')
    .action(async (device: string, prompt: string, options: Options, self: Command) => {
      const session = openSession(self);
      await requireOut(options.out);
      refuseFile(options.previews);
      const body = {
        ...{ device, prompt, seed: options.seed, steps: options.steps, guidanceScale: options.guidance },
        ...{
          ...options.size,
          fit: options.fit,
          ...options.model,
          timeoutMs: options.timeout,
          priority: options.priority,
        },
        ...{ variant: options.variant, scheduler: options.scheduler, negativePrompt: options.negative },
        ...{ tiled: options.tiled, strength: options.strength },
        image: await pngOf('image', options.image, { size: options.size, mostBytes: limits.beginningBytes }),
        mask: await pngOf('mask', options.mask, { size: options.size, mostBytes: limits.maskBytes }),
        ...{ allowCached: options.cached, previews: options.previews === undefined ? undefined : true },
      };
      const save = async (fetched: Fetched, file = freeName(pictureFileName(prompt, fetched.result.seed))) => {
        await writePicture(file, fetched.png);
        if (options.show && !session.screen.json) drawInTerminal(fetched);
        const { handOvers } = fetched.view;
        const { fit } = fetched.view.request;
        const told = {
          file,
          pictureId: fetched.view.pictureId,
          ...fetched.result,
          device: fetched.view.device,
          ...(fit && { fit }),
          ...(handOvers.length > 0 && { handOvers }),
        };
        return { told, text: pictureText(file, fetched) };
      };
      const pictures: Awaited<ReturnType<typeof save>>[] = [];
      const outFile = () =>
        options.out && (options.count === undefined ? options.out : numbered(options.out, pictures.length + 1));
      const previews = previewWriter(options.previews, (seed) => outFile() ?? pictureFileName(prompt, seed));
      const onView = previews.see;
      if (options.count === undefined) {
        const { told, text } = await save(
          await untilInterrupt((signal) => fetchPicture(session, body, { signal, onView })),
          outFile(),
        );
        return session.screen.result(told, [text, ...previews.told()].join('\n'));
      }
      const bodies = seedsFrom(options.seed ?? Math.floor(Math.random() * 2 ** 32), options.count).map((seed) => ({
        ...body,
        seed,
      }));
      await untilInterrupt(async (signal) => {
        for await (const fetched of fetchPictures(session, bodies, { signal, onView })) {
          const saved = await save(fetched, outFile());
          pictures.push(saved);
          // At once: what stands on the disk is told also where the series ends early.
          session.screen.line(saved.text);
        }
      }).catch((error) => {
        throw new SeriesCut(
          error,
          pictures.map(({ told }) => told),
        );
      });
      session.screen.result({ pictures: pictures.map(({ told }) => told) }, previews.told().join('\n'));
    });
}

/** Before the picture is asked for, not after. */
async function requireOut(out: string | undefined): Promise<void> {
  if (out === undefined) return;
  requireFolderOf('--out', out);
  await requireWritten(out).catch((cause) => {
    throw new StillError('invalid_input', `--out ${out}: ${messageOf(cause)}`, { cause });
  });
}

function refuseFile(previews: string | undefined): void {
  if (previews !== undefined && statSync(previews, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new StillError('invalid_input', `--previews ${previews}: this is a file; name a folder`);
}

/** In base64. @throws StillError before anything is sent */
async function pngOf(
  name: string,
  file: string | undefined,
  { size, mostBytes }: { readonly size: PixelSize | undefined; readonly mostBytes: number },
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const found = statSync(file, { throwIfNoEntry: false });
  const refused = (why: string) => new StillError('invalid_input', `--${name} ${file}: ${why}`);
  if (!found) throw refused('there is no such file');
  if (found.isDirectory()) throw refused('this is a folder; name a file in it');
  if (found.size > limits.pictureBytes) throw refused(`larger than ${limits.pictureBytes} bytes`);
  const { png } = await pictureAsPng(readFileSync(file), size).catch((cause) => {
    throw refused(messageOf(cause));
  });
  if (png.length > mostBytes)
    throw refused(`as a PNG it has ${png.length} bytes, and at most ${mostBytes} are taken; --size WxH scales it`);
  return Buffer.from(png).toString('base64');
}

function drawInTerminal({ png }: Fetched): void {
  if (!process.stdout.isTTY || !pc.isColorSupported) return;
  for (const line of halfBlocks(png, process.stdout.columns)) process.stdout.write(`${line}\n`);
}

function freeName(wanted: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : wanted.replace(/\.png$/, `-${number}.png`);
    if (!existsSync(name)) return name;
  }
}

/** Writes each new preview under a name of its own, and says where there was none. @param fileOf a picture, by its seed */
function previewWriter(
  folder: string | undefined,
  fileOf: (seed: number) => string,
): { see: (view: PictureView) => void; told: () => string[] } {
  if (folder === undefined) return { see: () => {}, told: () => [] };
  mkdirSync(folder, { recursive: true });
  const written = new Set<string>();
  return {
    see({ progress, request }) {
      if (!progress?.preview) return;
      const file = previewName(basename(fileOf(request.seed)), progress.done);
      written.add(file);
      writeFileSync(join(folder, file), Buffer.from(progress.preview, 'base64'));
    },
    told: () =>
      written.size > 0
        ? [`${plural(written.size, 'preview')} in ${folder}`]
        : ['no preview: it was done before one could be seen'],
  };
}
