import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { messageOf } from '../../../shared/errors.ts';
import type { EventView } from '../../../shared/http-api.ts';
import { events as eventsOf } from '../follow.ts';
import { INTERRUPTED_EXIT_CODE, untilInterrupt } from '../interrupt.ts';
import { openSession, type Session } from '../session.ts';

const AGAIN_MS = 1000;

export function events(): Command {
  return new Command('events')
    .description('What changes, as it happens, until Ctrl-C. With --json one object a line.')
    .action(async (_: object, self: Command) => {
      const session = openSession(self);
      await untilInterrupt((signal) => printEvents(session, signal));
      process.exitCode = INTERRUPTED_EXIT_CODE;
    });
}

/** A server that was never there is a failure; one that went away is waited for. */
async function printEvents({ client, screen }: Session, signal: AbortSignal): Promise<void> {
  let heard = false;
  let isAway = false;
  while (!signal.aborted) {
    try {
      for await (const event of eventsOf(client, signal)) {
        isAway = false;
        if (screen.json) process.stdout.write(`${JSON.stringify(event)}\n`);
        else screen.line(eventText(event));
      }
    } catch (error) {
      if (!heard && !signal.aborted) throw error;
      if (!signal.aborted && !isAway) screen.line(`(${messageOf(error)}; trying again until it does)`);
      isAway = true;
    }
    heard = true;
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

function eventText({ atMs, kind, subject, details }: EventView): string {
  const time = new Date(atMs).toISOString().slice(11, 19);
  const pairs = Object.entries(details).map(([key, value]) => `${key}=${print(value)}`);
  return [time, kind.padEnd('installation'.length), subject, ...pairs].join(' ');
}

const print = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
