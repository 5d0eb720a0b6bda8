import { once } from 'node:events';
import type { Response } from 'express';
import send from 'send';
import { StillError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { receiveArtifact } from '../actions/receive-artifact.ts';
import * as artifacts from '../store/artifacts.ts';
import * as versions from '../store/versions.ts';
import type { World } from '../store/world.ts';
import type { Exchange, Handlers } from './route.ts';

/** One read of the file, one write to the socket. Larger ones win little and cost memory for every slow device. */
const READ_BYTES = 512 * 1024;

export function artifactHandlers(world: World): Pick<Handlers, 'missingArtifacts' | 'putArtifact' | 'getArtifact'> {
  const { db, blobs } = world.store;
  return {
    missingArtifacts: async ({ body }) => {
      const stored = await artifacts.sizes(db, body.sha256);
      return { sha256: [...new Set(body.sha256)].filter((sha256) => !stored.has(sha256)) };
    },
    putArtifact: async ({ params: { sha256 }, request }) => {
      if (Number(request.headers['content-length'] ?? 0) > limits.artifactBytes)
        throw new StillError('too_large', `an artifact may have ${limits.artifactBytes} bytes`);
      return { ...(await receiveArtifact(world, { sha256, stream: request })) };
    },
    getArtifact: async ({ params: { sha256 }, caller, request, response }) => {
      // A device does not learn whether there is something that it was not offered.
      const offered = caller.kind !== 'device' || (await versions.wasOfferedArtifact(db, caller.deviceId, sha256));
      if (!offered || !(await artifacts.sizes(db, [sha256])).has(sha256))
        throw new StillError('not_found', `no artifact ${sha256} here for you`);
      await sendFile(blobs.pathOf(sha256), sha256, { request, response });
      return undefined;
    },
  };
}

/** Ranges, conditions and HEAD are send's work; the name of the file is its strong tag. */
async function sendFile(
  path: string,
  sha256: string,
  { request, response }: Pick<Exchange<'getArtifact'>, 'request' | 'response'>,
): Promise<void> {
  response.set({
    etag: `"${sha256}"`,
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': 'application/octet-stream',
  });
  const options = {
    cacheControl: false,
    lastModified: false,
    etag: false,
    dotfiles: 'allow',
    highWaterMark: READ_BYTES,
  };
  const stream = send(request, encodeURI(path), options as send.SendOptions);
  const failed = new Promise<never>((_, reject) => stream.on('error', reject));
  const finished = ended(response);
  stream.pipe(response);
  await Promise.race([failed, finished]);
}

/** Also when the device hangs up in the middle. */
const ended = (response: Response) => once(response, 'close').catch(() => {});
