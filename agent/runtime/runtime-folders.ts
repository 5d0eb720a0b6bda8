// Where runtimes that are no npm package lie: FOLDER/openvino-<version>-<architecture>/, put there by
// "still runtime install". A service cannot read a home folder, so root installs for everybody.
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OPENVINO_PACKAGES, OPENVINO_VERSION } from './openvino/package.ts';

/** The command that a refusal names. */
export const INSTALL_OPENVINO = 'still runtime install openvino';

const EVERYBODYS = '/usr/local/lib/stillhouse/runtimes';

/** In the order in which they are searched. */
export const defaultRuntimeFolders = (): readonly string[] => [ownFolder(), EVERYBODYS];

/** Where an installation goes when nothing is said. */
export const installFolder = (): string => (process.getuid?.() === 0 ? EVERYBODYS : ownFolder());

const ownFolder = (): string => join(homedir(), '.local/share/stillhouse/runtimes');

export const openVinoFolderName = (architecture: string): string => `openvino-${OPENVINO_VERSION}-${architecture}`;

/** The first folder that holds every library at its right size (digests are checked once, when they are installed). */
export function findOpenVino(folders: readonly string[], architecture: string = process.arch): string | null {
  const files = OPENVINO_PACKAGES[architecture]?.files;
  if (!files) return null;
  const candidates = folders.map((folder) => join(folder, openVinoFolderName(architecture)));
  return (
    candidates.find((folder) => files.every(({ name, sizeBytes }) => isOfSize(join(folder, name), sizeBytes))) ?? null
  );
}

function isOfSize(path: string, sizeBytes: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.size === sizeBytes;
}
