// Takes OpenVINO away again. Engines that run keep what they have opened; the next one is refused with the command that
// brings it back.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, StillError } from '../../../shared/errors.ts';
import { openVinoFolderName } from '../runtime-folders.ts';
import { UNFINISHED } from './install.ts';

export interface RemovedRuntime {
  readonly folder: string;
  readonly freedBytes: number;
}

/**
 * @param folders of runtimes: it goes from the first that has it, damaged or not, for others may be other people's
 * @throws StillError `not_found` where none has it, `unprocessable` where it cannot be removed
 */
export async function removeOpenVino(folders: readonly string[]): Promise<RemovedRuntime> {
  const name = openVinoFolderName(process.arch);
  const into = folders.find((one) => existsSync(join(one, name)));
  if (into === undefined)
    throw new StillError('not_found', `openvino is not installed: no ${name} stands in ${folders.join(' or ')}`);
  const folder = join(into, name);
  try {
    const sizes = (await readdir(folder)).map(async (file) => (await stat(join(folder, file))).size);
    const freedBytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    // Out of sight whole: what a kill leaves of it, the next installation takes away.
    const away = await mkdtemp(join(into, UNFINISHED));
    await rename(folder, away);
    await rm(away, { recursive: true });
    return { folder, freedBytes };
  } catch (cause) {
    throw new StillError('unprocessable', `cannot remove ${folder}: ${messageOf(cause)}`, { cause });
  }
}
