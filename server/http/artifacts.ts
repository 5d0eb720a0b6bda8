import { StillError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { receiveArtifact } from '../actions/receive-artifact.ts';
import * as artifacts from '../store/artifacts.ts';
import * as versions from '../store/versions.ts';
import type { World } from '../store/world.ts';
import type { Egress } from './egress.ts';
import { actorOf, type Handlers } from './route.ts';
import { BufferPool, sendBlob } from './send-blob.ts';

export function artifactHandlers(
  world: World,
  egress: Egress,
): Pick<Handlers, 'missingArtifacts' | 'putArtifact' | 'getArtifact'> {
  const { db, blobs } = world.store;
  const pool = new BufferPool();
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
      const sizeBytes = offered ? (await artifacts.sizes(db, [sha256])).get(sha256) : undefined;
      if (sizeBytes === undefined) throw new StillError('not_found', `no artifact ${sha256} here for you`);
      const mayLeave = (bytes: number) => egress.take(actorOf(caller), bytes);
      await sendBlob({ path: blobs.pathOf(sha256), sha256, sizeBytes }, request, { response, pool, mayLeave });
      return undefined;
    },
  };
}
