import type { Readable } from 'node:stream';
import { StillError } from '../../shared/errors.ts';
import { jobTable } from '../../shared/job.ts';
import { limits } from '../../shared/limits.ts';
import { isFinal } from '../../shared/machine.ts';
import type { Received } from '../store/files.ts';
import * as jobs from '../store/jobs.ts';
import * as pictures from '../store/pictures.ts';
import type { World } from '../store/world.ts';

const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

/**
 * Only from the device that was asked, and only a PNG. The request itself ends by the device's report.
 *
 * @throws StillError `not_found` also where the picture is another device's: it may not learn that there is one
 */
export async function receivePicture(
  { store, clock }: World,
  { pictureId, deviceId, stream }: { pictureId: string; deviceId: string; stream: Readable },
): Promise<Received> {
  const job = await jobs.find(store.db, pictureId);
  if (job?.kind !== 'picture' || job.deviceId !== deviceId)
    throw new StillError('not_found', `no picture ${pictureId} was asked of this device`);
  if (isFinal(jobTable, job.state))
    throw new StillError('gone', `picture ${pictureId} is ${job.state}; nobody waits for it any more`);
  const received = await store.pictures.receive(stream, { maxBytes: limits.pictureBytes, checkStart });
  await store.write(async (tx) => {
    // While it came, another device may have been asked: this one's bytes must not take the place of that one's.
    if ((await jobs.find(tx, pictureId))?.deviceId !== deviceId)
      throw new StillError('gone', `picture ${pictureId} is made by another device now`);
    await pictures.save(tx, { pictureId, ...received, receivedAtMs: clock.now() });
  });
  return received;
}

function checkStart(start: Uint8Array): void {
  if (!Buffer.from(start.subarray(0, PNG_SIGNATURE.length)).equals(PNG_SIGNATURE))
    throw new StillError('unprocessable', 'these bytes do not begin like a PNG');
}
