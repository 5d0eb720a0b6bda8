// Where a command is told to write, checked before minutes of work and not after.
import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StillError } from '../../shared/errors.ts';

/** @throws StillError that names the option, where no file of that name can be written */
export function requireFolderOf(option: string, file: string): void {
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) throw new StillError('invalid_input', `${option} ${file}: there is no folder ${folder}`);
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw new StillError('invalid_input', `${option} ${file}: this is a folder; name a file in it`);
}
