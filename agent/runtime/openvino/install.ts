// Puts OpenVINO's libraries where agents find them: from PyPI by pip, or from a wheel or folder given by hand. Whatever
// the way, every file must have the pinned digest, and the folder appears whole or not at all.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, createReadStream, createWriteStream, existsSync, statSync } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, open, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { messageOf, StillError } from '../../../shared/errors.ts';
import { bytes } from '../../../shared/units.ts';
import { findOpenVino, openVinoFolderName } from '../runtime-folders.ts';
import { isWhole } from './is-whole.ts';
import { OPENVINO_PACKAGES, OPENVINO_VERSION, type OpenVinoPackage, WHEEL_FOLDER, WHEEL_PYTHON } from './package.ts';
import { openWheel } from './wheel.ts';

const PIP_MS = 30 * 60_000;
/** Of the folders in which installations are put together, and taken apart. */
export const UNFINISHED = '.openvino-';
/** What an installation leaves that was killed; none that is still at work is so old. */
const ABANDONED_MS = 2 * PIP_MS;

export interface InstallOptions {
  /** The folder of runtimes. */
  readonly into: string;
  /** A wheel, or a folder that holds the libraries; null: fetch the wheel with pip. */
  readonly from: string | null;
  readonly architecture: string;
  readonly say: (line: string) => void;
}

/** @returns the folder with the libraries @throws StillError that says what to do */
export async function installOpenVino(options: InstallOptions): Promise<string> {
  const { into, architecture, say } = options;
  const wanted = OPENVINO_PACKAGES[architecture];
  if (!wanted)
    throw new StillError(
      'unprocessable',
      `OpenVINO ${OPENVINO_VERSION} is pinned for x64 and arm64, not ${architecture}`,
    );
  const present = findOpenVino([into], architecture);
  if (present && (await isWhole(present, architecture))) return present;
  if (present) say(`the libraries in ${present} are damaged and are replaced`);
  await makeReady(into, wanted);
  if (options.from !== null) return take(options, wanted, options.from);
  // Not in the system's folder for temporary files, which may be the memory of a small board.
  const folder = await mkdtemp(join(into, UNFINISHED));
  try {
    say(`fetching openvino ${OPENVINO_VERSION} for ${wanted.platform} with pip (30 to 60 MB)`);
    return await take(options, wanted, await download(wanted, folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A folder that can be written to, without what was left over, and with room. @throws StillError */
async function makeReady(into: string, { files }: OpenVinoPackage): Promise<void> {
  try {
    await mkdir(into, { recursive: true });
    await access(into, constants.W_OK);
    for (const name of await readdir(into)) {
      if (!name.startsWith(UNFINISHED)) continue;
      const { mtimeMs } = await stat(join(into, name));
      if (Date.now() - mtimeMs > ABANDONED_MS) await rm(join(into, name), { recursive: true, force: true });
    }
  } catch (cause) {
    throw new StillError(
      'unprocessable',
      `cannot install into ${into}: ${messageOf(cause)}; --into DIR takes another folder`,
      {
        cause,
      },
    );
  }
  const { bavail, bsize } = await statfs(into);
  const [freeBytes, neededBytes] = [bavail * bsize, files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)];
  if (freeBytes < neededBytes)
    throw new StillError(
      'unprocessable',
      `OpenVINO takes ${bytes(neededBytes)} of disk, ${bytes(freeBytes)} are free at ${into}: ${bytes(neededBytes - freeBytes)} too few`,
    );
}

/** @returns the wheel's path */
async function download({ platform, wheelSha256 }: OpenVinoPackage, folder: string): Promise<string> {
  const requirements = join(folder, 'requirements.txt');
  await writeFile(requirements, `openvino==${OPENVINO_VERSION} --hash=sha256:${wheelSha256}\n`);
  const choice = ['--platform', platform, '--implementation', 'cp'];
  const python = ['--python-version', WHEEL_PYTHON.version, '--abi', WHEEL_PYTHON.abi];
  const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--require-hashes'];
  try {
    await promisify(execFile)('python3', [...pip, ...choice, ...python, '-d', folder, '-r', requirements], {
      timeout: PIP_MS,
    });
  } catch (cause) {
    throw new StillError(
      'unavailable',
      `pip could not fetch openvino==${OPENVINO_VERSION}: ${lastLine(cause)}; "sudo apt install python3-pip" brings pip, and --from WHEEL takes a file fetched elsewhere`,
      { cause },
    );
  }
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new StillError('internal', `pip left no wheel in ${folder}`);
  return join(folder, wheel);
}

const lastLine = (cause: unknown): string =>
  ((cause as { stderr?: string }).stderr || messageOf(cause)).trim().split('\n').at(-1) ?? '';

/** Copies the libraries into a folder beside the last one, checks them, and renames it. */
async function take(
  { into, architecture, say }: InstallOptions,
  wanted: OpenVinoPackage,
  from: string,
): Promise<string> {
  const source = await openSource(from);
  const made = await mkdtemp(join(into, UNFINISHED));
  try {
    for (const { name, sha256, sizeBytes } of wanted.files) {
      say(`${name}, ${(sizeBytes / 1e6).toFixed(1)} MB`);
      const found = await store(await source.open(name), join(made, name));
      if (found !== sha256)
        throw new StillError(
          'unprocessable',
          `${from}: ${name} has the sha256 ${found}, expected ${sha256}; it must come from the wheel of openvino ${OPENVINO_VERSION} for ${wanted.platform}`,
        );
    }
    // A temporary folder is its maker's alone; root installs for the service, which is another user.
    await chmod(made, 0o755);
    const place = join(into, openVinoFolderName(architecture));
    await rm(place, { recursive: true, force: true });
    await rename(made, place);
    await syncFolder(into);
    return place;
  } finally {
    source.close();
    await rm(made, { recursive: true, force: true });
  }
}

interface Source {
  open(name: string): Promise<Readable>;
  close(): void;
}

async function openSource(from: string): Promise<Source> {
  if (!existsSync(from)) throw new StillError('not_found', `--from ${from}: there is no such file or folder`);
  if (!statSync(from).isDirectory()) return openWheel(from, WHEEL_FOLDER);
  const folder = [from, join(from, 'libs'), join(from, WHEEL_FOLDER)].find((one) =>
    existsSync(join(one, 'libtbb.so.12')),
  );
  if (!folder)
    throw new StillError('not_found', `--from ${from}: no libtbb.so.12 stands in it, nor in libs/ or ${WHEEL_FOLDER}/`);
  return {
    async open(name) {
      if (!existsSync(join(folder, name)))
        throw new StillError('not_found', `--from ${from}: no ${name} stands in ${folder}`);
      return createReadStream(join(folder, name));
    },
    close: () => {},
  };
}

/** @returns the file's sha256 */
async function store(content: Readable, path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(
    content,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(path, { mode: 0o644, flush: true }),
  );
  return hash.digest('hex');
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync();
  await handle.close();
}
