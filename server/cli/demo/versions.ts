// The two versions that the demo tells about: the newest two in a model's folder, each in a folder of its own.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StillError } from '../../../shared/errors.ts';
import type { Manifest } from '../../../shared/manifest.ts';
import { readManifest } from '../publish-folder.ts';

export interface VersionFolder {
  readonly folder: string;
  readonly manifest: Manifest;
}

const byNumber = new Intl.Collator('en', { numeric: true }).compare;

export async function findVersions(model: string): Promise<{ first: VersionFolder; second: VersionFolder }> {
  const names = subfolders(model).filter((name) => /^\d+\.\d+\.\d+$/.test(name));
  const [first, second] = names.toSorted(byNumber).slice(-2);
  if (first === undefined || second === undefined)
    throw new StillError('invalid_input', `${model} does not hold two versions`, {
      problems: [
        { field: '--models', message: 'expected the folder of one model, such as models/released/stickers-lite' },
      ],
    });
  return { first: await open(join(model, first)), second: await open(join(model, second)) };
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (cause) {
    throw new StillError('invalid_input', `${folder} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

const open = async (folder: string): Promise<VersionFolder> => ({ folder, manifest: await readManifest(folder) });

export function nextMinor(version: string): string {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return `${major}.${minor + 1}.0`;
}
