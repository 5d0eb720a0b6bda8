import { Command, Option } from 'commander';
import { moment } from '../../../shared/units.ts';
import { duration, integer, labels } from '../arguments.ts';
import { columns } from '../columns.ts';
import { openSession } from '../session.ts';

export function token(): Command {
  const command = new Command('token').description('Tokens that let devices join.');
  command
    .command('create')
    .description('Create a token. It is shown once.')
    .option('--uses <count>', 'how many devices may join with it', integer(1, 100_000), 1)
    .addOption(
      new Option('--expires <duration>', 'how long it is good for, such as 30m, 1h or 7d')
        .argParser(duration)
        .default(3600_000, '1h'),
    )
    .option('--label <key=value>', 'a label for every device that joins with it (repeatable)', labels)
    .action(async (options: { uses: number; expires: number; label?: Record<string, string> }, self: Command) => {
      const { client, screen } = openSession(self);
      const body = { uses: options.uses, expiresInMs: options.expires, labels: options.label ?? {} };
      const created = await client.call('createToken', { body });
      const join = `still agent --server ${client.url.origin} --token ${created.token} --name NAME --data DIR`;
      screen.result(created, `${created.token}\n\nOn the device: ${join}`);
    });
  command
    .command('list')
    .description('List the tokens.')
    .action(async (_: object, self: Command) => {
      const { client, screen } = openSession(self);
      const tokens = await client.call('listTokens', {});
      const rows = tokens.map(({ tokenId, usesLeft, expiresAtMs, labels }) => [
        tokenId,
        String(usesLeft),
        moment(expiresAtMs),
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(' '),
      ]);
      const heads = [
        { title: 'TOKEN' },
        { title: 'USES LEFT', align: 'right' as const },
        { title: 'EXPIRES' },
        { title: 'LABELS' },
      ];
      screen.result(tokens, tokens.length ? columns(heads, rows) : 'No tokens. "still token create" makes one.');
    });
  return command;
}
