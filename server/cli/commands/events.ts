import { Command } from 'commander';
import { events as eventsOf } from '../follow.ts';
import { INTERRUPTED_EXIT_CODE, untilInterrupt } from '../interrupt.ts';
import { openSession } from '../session.ts';

export function events(): Command {
  return new Command('events')
    .description('What changes, as it happens, until Ctrl-C. With --json one object a line.')
    .action(async (_: object, self: Command) => {
      const { client, screen } = openSession(self);
      await untilInterrupt(async (signal) => {
        for await (const event of eventsOf(client, signal)) {
          const time = new Date(event.atMs).toISOString().slice(11, 19);
          const details = Object.entries(event.details).map(([key, value]) => `${key}=${print(value)}`);
          if (screen.json) process.stdout.write(`${JSON.stringify(event)}\n`);
          else screen.line([time, event.kind.padEnd(12), event.subject, ...details].join(' '));
        }
      }).catch((error: unknown) => {
        if ((error as Error).name !== 'AbortError') throw error;
        process.exitCode = INTERRUPTED_EXIT_CODE;
      });
    });
}

const print = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
