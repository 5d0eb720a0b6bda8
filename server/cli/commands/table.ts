import { Command } from 'commander';
import { openSession } from '../session.ts';
import { seedTable } from '../views/seed-table.ts';

export function table(): Command {
  return new Command('table')
    .description('The newest measurement of every version on every device.')
    .option('--device <name>', 'only this device')
    .option('--model <model>', 'only this model')
    .action(async (query: { device?: string; model?: string }, self: Command) => {
      const { client, screen } = openSession(self);
      const rows = await client.call('table', { query: { device: query.device, model: query.model } });
      screen.result(rows, seedTable(rows));
    });
}
