// Who this device is and how it proves that. Mode 0600, replaced as a whole.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, StillError } from '../../shared/errors.ts';
import { DeviceName, Id } from '../../shared/ids.ts';

export const Credential = z.looseObject({
  deviceId: Id,
  name: DeviceName,
  /** Bearer token for HTTP: `sd_<device id>_<secret>`. */
  credential: z.string(),
  mqtt: z.looseObject({ port: z.int(), url: z.string().nullable() }),
});
export type Credential = z.infer<typeof Credential>;

const fileOf = (folder: string) => join(folder, 'credential.json');

/** @returns null before the enrolment */
export function readCredential(folder: string): Credential | null {
  let text: string;
  try {
    text = readFileSync(fileOf(folder), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return Credential.parse(JSON.parse(text));
  } catch (error) {
    throw new StillError(
      'invalid_input',
      `${fileOf(folder)} cannot be read (${messageOf(error)}); remove it and enrol again with a new token`,
      { cause: error },
    );
  }
}

export function writeCredential(folder: string, credential: Credential): void {
  const file = fileOf(folder);
  const descriptor = openSync(`${file}.new`, 'w', 0o600);
  writeSync(descriptor, `${JSON.stringify(credential, null, 2)}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(`${file}.new`, file);
}
