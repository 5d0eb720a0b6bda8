import { Command } from 'commander';
import { progressBar } from '../progress-bar.ts';
import { publishFolder } from '../publish-folder.ts';
import { openSession } from '../session.ts';
import { bytes } from '../units.ts';

export function publish(): Command {
  return new Command('publish')
    .description('Publish the version in a folder. Files that the server has already are not sent again.')
    .argument('<folder>', 'where manifest.json stands')
    .action(async (folder: string, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const bar = progressBar(screen, bytes);
      const published = await publishFolder(client, folder, bar.update).finally(() => bar.stop());
      const { model, version, versionDigest, uploadedBytes, skippedBytes } = published;
      const sent = uploadedBytes ? `${bytes(uploadedBytes)} sent` : 'nothing new to send';
      const kept = skippedBytes ? `, ${bytes(skippedBytes)} already there` : '';
      screen.result(published, `Published ${model}@${version} (${sent}${kept}).\nsha256 ${versionDigest}`);
    });
}
