import { Command } from 'commander';
import { limits } from '../../../shared/limits.ts';
import { moment } from '../../../shared/units.ts';
import { integer } from '../arguments.ts';
import { columns } from '../columns.ts';
import { openSession } from '../session.ts';

export function audit(): Command {
  return new Command('audit')
    .description('Who did what, newest first.')
    .option('--limit <rows>', 'how many', integer(1, limits.pageRows), 30)
    .action(async ({ limit }: { limit: number }, self: Command) => {
      const { client, screen } = openSession(self);
      const rows = await client.call('listAudit', { query: { limit } });
      const printed = rows.map(({ atMs, actor, action, subject }) => [moment(atMs), actor, action, subject]);
      const heads = ['WHEN (UTC)', 'WHO', 'DID', 'TO'].map((title) => ({ title }));
      screen.result(rows, rows.length ? columns(heads, printed) : 'Nothing yet.');
    });
}
