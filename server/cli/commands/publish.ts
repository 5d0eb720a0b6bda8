import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { StillError } from '../../../shared/errors.ts';
import { limits } from '../../../shared/limits.ts';
import type { InferencePrecision } from '../../../shared/manifest.ts';
import { bytes } from '../../../shared/units.ts';
import { each, inferencePrecisions, integer, licence, modelName, number, size, versionNumber } from '../arguments.ts';
import type { Client } from '../client.ts';
import { inferManifest, sameButMeasured } from '../infer-manifest.ts';
import { progressBar } from '../progress-bar.ts';
import { type Published, type PublishProgress, publishFolder, publishVersion } from '../publish-folder.ts';
import { openSession } from '../session.ts';

interface Options {
  readonly name?: string;
  /** `version` belongs to the program itself. */
  readonly version?: string;
  readonly licence?: string;
  readonly steps?: number;
  readonly guidance?: number;
  readonly size?: { width: number; height: number };
  readonly tiled?: boolean;
  readonly inferencePrecision?: InferencePrecision[];
  readonly lora?: string[];
}

export function publish(): Command {
  return new Command('publish')
    .description('Publish the version in a folder. Files that the server has already are not sent again.')
    .argument('<folder>', 'where manifest.json stands; or a pipeline folder without one, with --name and --version')
    .option('--name <model>', 'of a folder without a manifest', modelName)
    .option('--version <number>', 'likewise, such as 1.0.0', versionNumber)
    .option('--licence <spdx>', 'likewise; else what the folder says', licence)
    .option('--steps <count>', 'of its pictures; else those of the pipeline', integer(1, limits.steps))
    .option('--guidance <scale>', 'likewise', number(0, 100))
    .option('--size <WxH>', 'likewise, in pixels', size)
    .option('--tiled', 'devices decode its pictures in tiles, for those that lack the memory to decode the whole')
    .option(
      '--inference-precision <list>',
      'what its variants compute in, one each, such as f32,f16,bf16: devices whose processor has 16-bit arithmetic are faster with it, on OpenVINO (default: f32)',
      inferencePrecisions,
    )
    .option(
      '--lora <file[:scale]>',
      'a LoRA that devices merge into its graphs (repeatable); a device that has those graphs downloads its file alone',
      each,
    )
    .action(async (folder: string, options: Options, self: Command) => {
      const { client, screen } = openSession(self);
      const bar = progressBar(screen, bytes);
      const sending = existsSync(join(folder, 'manifest.json'))
        ? publishOwn(client, folder, self, bar.update)
        : publishInferred(client, folder, options, bar.update);
      const published = await sending.finally(() => bar.stop());
      const { model, version, versionDigest, uploadedBytes, skippedBytes } = published;
      const sent = uploadedBytes ? `${bytes(uploadedBytes)} sent` : 'nothing new to send';
      const kept = skippedBytes ? `, ${bytes(skippedBytes)} already there` : '';
      screen.result(published, `Published ${model}@${version} (${sent}${kept}).\nsha256 ${versionDigest}`);
    });
}

async function publishOwn(client: Client, folder: string, self: Command, progress: PublishProgress) {
  const surplus = self.options.find((option) => self.getOptionValueSource(option.attributeName()) === 'cli')?.long;
  if (surplus === undefined) return publishFolder(client, folder, progress);
  throw new StillError('invalid_input', `${surplus}: ${folder} has a manifest.json, which says it already`);
}

async function publishInferred(
  client: Client,
  folder: string,
  { name: model, version, licence, steps, guidance: guidanceScale, size, tiled, inferencePrecision, lora }: Options,
  progress: PublishProgress,
): Promise<Published> {
  // Neither a manifest nor a name: what is missing is the manifest, and its fault says what would help.
  if (!model || !version) return publishFolder(client, folder, progress);
  const scratch = await mkdtemp(join(tmpdir(), 'still-publish-'));
  try {
    const name = {
      model,
      version,
      licence,
      steps,
      guidanceScale,
      size,
      tiled,
      inferencePrecisions: inferencePrecision,
      lora,
    };
    const inferred = await inferManifest(folder, name, scratch);
    const known = await client
      .call('showVersion', { params: { model, version } })
      .then(({ manifest }) => manifest)
      .catch(unlessAbsent);
    const manifest = known && sameButMeasured(known, inferred.manifest) ? known : inferred.manifest;
    return await publishVersion(client, { ...inferred, manifest }, progress);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function unlessAbsent(error: unknown): null {
  if (error instanceof StillError && error.code === 'not_found') return null;
  throw error;
}
