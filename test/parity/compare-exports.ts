// Folders as optimum wrote them, painted by `still run` as a user would, beside what the reference painted.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode } from 'fast-png';
import { numbered } from '../../shared/picture-series.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { MOST_MEAN_LEVELS, meanDifference, type WantedPicture } from './wanted.ts';

const still = fileURLToPath(new URL('../../node_modules/.bin/still', import.meta.url));

/** What the exporter itself ended on. */
type Failures = Readonly<Record<string, { readonly why: string; readonly known: boolean }>>;

/**
 * Tells each picture in a line, and counts at the end.
 *
 * @returns whether all were equal, and nothing but what is known failed to be exported
 */
export async function compareExports(folder: string): Promise<boolean> {
  const runtimes = await openVinoRuntimes();
  const counts = { compared: 0, differ: 0 };
  for (const name of foldersIn(folder)) {
    const { pictures } = JSON.parse(readFileSync(join(folder, name, 'wanted.json'), 'utf8'));
    for (const wanted of pictures as WantedPicture[]) {
      const found = paintedBy(join(folder, name), wanted, runtimes);
      const levels =
        typeof found === 'string' ? Number.NaN : meanDifference(found, Buffer.from(wanted.pixels, 'base64'));
      const differs = !(levels <= MOST_MEAN_LEVELS);
      counts.compared += 1;
      counts.differ += differs ? 1 : 0;
      const told = typeof found === 'string' ? found : `${levels.toFixed(4)} of 255`;
      console.log(`${differs ? 'DIFFERS' : 'equal  '}  ${name.padEnd(18)}  ${wordsOf(wanted).padEnd(84)}  ${told}`);
    }
  }
  const failures: Failures = JSON.parse(readFileSync(join(folder, 'cannot.json'), 'utf8'));
  for (const [name, { why, known }] of Object.entries(failures))
    console.log(`${known ? 'no export' : 'NO EXPORT'}  ${name}: ${why}`);
  console.log(`${counts.compared} compared, ${counts.differ} differ`);
  return counts.differ === 0 && counts.compared > 0 && Object.values(failures).every(({ known }) => known);
}

const foldersIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => existsSync(join(folder, name, 'wanted.json')));

/** @returns pixels, of a batch one picture after the other; or what `still run` said in their place */
function paintedBy(folder: string, wanted: WantedPicture, runtimes: string): Uint8Array | string {
  const out = join(folder, 'picture.png');
  const { status, stderr } = spawnSync(still, ['run', folder, wanted.prompt, '-o', out, ...optionsOf(folder, wanted)], {
    encoding: 'utf8',
    env: { ...process.env, STILL_RUNTIMES: runtimes },
  });
  if (status !== 0) return `exit code ${status}: ${stderr.trim()}`;
  const { batch = 1 } = wanted;
  const files = batch > 1 ? Array.from({ length: batch }, (_, i) => numbered(out, i + 1)) : [out];
  return Buffer.concat(files.map((file) => decode(readFileSync(file)).data as Uint8Array));
}

function optionsOf(folder: string, wanted: WantedPicture): string[] {
  const file = (name: string, base64: string) => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.from(base64, 'base64'));
    return path;
  };
  return [
    ...[
      '--threads',
      '1',
      '--seed',
      String(wanted.seed),
      '--steps',
      String(wanted.steps),
      '--guidance',
      String(wanted.guidance),
    ],
    ...(wanted.image ? ['--image', file('image.png', wanted.image)] : ['--size', `${wanted.width}x${wanted.height}`]),
    ...(wanted.mask ? ['--mask', file('mask.png', wanted.mask)] : []),
    ...(wanted.strength ? ['--strength', String(wanted.strength)] : []),
    ...(wanted.scheduler ? ['--scheduler', wanted.scheduler] : []),
    ...(wanted.negative_prompt === null ? [] : ['--negative', wanted.negative_prompt]),
    ...(wanted.batch ? ['--batch', String(wanted.batch)] : []),
  ];
}

function wordsOf({ width, height, steps, guidance, ...wanted }: WantedPicture): string {
  const begun = wanted.mask ? 'filled' : wanted.image ? 'from a picture' : 'text';
  return [
    `${begun} ${width}x${height}, ${steps} steps, guidance ${guidance}`,
    ...(wanted.strength ? [`strength ${wanted.strength}`] : []),
    ...(wanted.negative_prompt === null ? [] : ['negative']),
    ...(wanted.batch ? [`batch ${wanted.batch}`] : []),
    ...(wanted.scheduler ? [wanted.scheduler.replace('Scheduler', '')] : []),
  ].join(', ');
}
