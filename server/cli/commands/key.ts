import { Argument, Command, Option } from 'commander';
import { moment } from '../../../shared/units.ts';
import { columns } from '../columns.ts';
import { openSession } from '../session.ts';

const SCOPES = ['viewer', 'operator', 'admin'] as const;

export function key(): Command {
  const command = new Command('key').description('Keys that let people and programs in.');
  command
    .command('create')
    .description('Create a key. It is shown once.')
    .addArgument(new Argument('<name>', 'who or what it is for'))
    .addOption(
      new Option('--scope <scope>', 'viewer reads, operator also acts, admin also lets others in')
        .choices(SCOPES)
        .default('operator'),
    )
    .action(async (name: string, { scope }: { scope: (typeof SCOPES)[number] }, self: Command) => {
      const { client, screen } = openSession(self);
      const created = await client.call('createKey', { body: { name, scope } });
      screen.result(created, `${created.key}\n\nexport STILL_SERVER=${client.url.origin} STILL_KEY=${created.key}`);
    });
  command
    .command('list')
    .description('List the keys.')
    .action(async (_: object, self: Command) => {
      const { client, screen } = openSession(self);
      const keys = await client.call('listKeys', {});
      const rows = keys.map(({ keyId, name, scope, createdAtMs, revoked }) => [
        keyId,
        name,
        scope,
        moment(createdAtMs),
        revoked ? 'revoked' : '',
      ]);
      const heads = ['KEY', 'NAME', 'SCOPE', 'CREATED', ''].map((title) => ({ title }));
      screen.result(keys, columns(heads, rows));
    });
  command
    .command('revoke')
    .description('Revoke a key: it opens nothing from now on.')
    .argument('<key-id>', 'as "still key list" shows it')
    .action(async (keyId: string, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const revoked = await client.call('revokeKey', { params: { keyId } });
      screen.result(revoked, `Revoked the key "${revoked.name}".`);
    });
  return command;
}
