import { Command } from 'commander';
import type { VersionRef } from '../../../shared/ids.ts';
import { versionRef } from '../arguments.ts';
import { openSession } from '../session.ts';
import { modelsText } from '../views/models-text.ts';
import { versionText } from '../views/version-text.ts';

export function models(): Command {
  const command = new Command('models').description('Models and versions on the server.');
  command
    .command('list', { isDefault: true })
    .description('List the models and their versions (the default).')
    .action(async (_: object, self: Command) => {
      const { client, screen } = openSession(self);
      const listed = await client.call('listModels', {});
      screen.result(listed, modelsText(listed));
    });
  command
    .command('show')
    .description('Show one version: variants, quality, lineage.')
    .argument('<model@version>', '', versionRef)
    .action(async (ref: VersionRef, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const version = await client.call('showVersion', { params: ref });
      screen.result(version, versionText(version));
    });
  return command;
}
