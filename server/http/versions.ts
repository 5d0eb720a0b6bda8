import type { z } from 'zod';
import { StillError } from '../../shared/errors.ts';
import type { ModelView, VersionView } from '../../shared/http-api.ts';
import { artifactsForDevice } from '../../shared/manifest.ts';
import { publishVersion } from '../actions/publish-version.ts';
import * as versions from '../store/versions.ts';
import type { World } from '../store/world.ts';
import type { Handlers } from './route.ts';

export function versionHandlers(
  world: World,
): Pick<Handlers, 'publishVersion' | 'getManifest' | 'listModels' | 'showVersion'> {
  const { db } = world.store;
  return {
    publishVersion: async ({ body, actor }) => viewVersion(await publishVersion(world, { manifest: body, actor })),
    getManifest: async ({ params: { sha256 }, caller, response }) => {
      const offered = caller.kind !== 'device' || (await versions.wasOffered(db, caller.deviceId, sha256));
      const version = offered ? await versions.byDigest(db, sha256) : null;
      if (!version) throw new StillError('not_found', `no manifest ${sha256} here for you`);
      response.set({ etag: `"${sha256}"`, 'cache-control': 'public, max-age=31536000, immutable' });
      response.type('application/json').send(Buffer.from(version.manifestText));
      return undefined;
    },
    listModels: async () => {
      const byModel = Map.groupBy(await versions.list(db), ({ model }) => model);
      return [...byModel].map(
        ([model, ofModel]): z.infer<typeof ModelView> => ({ model, versions: ofModel.map(viewVersion) }),
      );
    },
    showVersion: async ({ params: { model, version } }) => {
      const found = await versions.get(db, { model, version });
      return { ...viewVersion(found), manifest: found.manifest };
    },
  };
}

function viewVersion(stored: versions.Version): VersionView {
  const { model, version, versionDigest, licence, publishedAtMs, sizeBytes, manifest } = stored;
  return {
    ...{ model, version, versionDigest, licence, publishedAtMs, sizeBytes },
    variants: manifest.variants.map((variant) => ({
      name: variant.name,
      runtime: variant.runtime,
      precision: variant.precision,
      parameters: variant.parameters,
      sizeBytes: artifactsForDevice(manifest, variant).reduce((sum, artifact) => sum + artifact.sizeBytes, 0),
    })),
  };
}
