import { Command, InvalidArgumentError, Option } from 'commander';
import { ERROR_CODES } from '../../../shared/errors.ts';
import type { GivenBody, RolloutView } from '../../../shared/http-api.ts';
import type { VersionRef } from '../../../shared/ids.ts';
import {
  byteRate,
  confidence,
  duration,
  gates,
  growth,
  integer,
  list,
  number,
  target,
  versionRef,
} from '../arguments.ts';
import { INTERRUPTED_EXIT_CODE, untilInterrupt } from '../interrupt.ts';
import { openSession, type Session } from '../session.ts';
import { decisionsText } from '../views/decisions-text.ts';
import { planRefusals, planText } from '../views/plan-text.ts';
import { rolloutText } from '../views/rollout-text.ts';
import { rolloutsText } from '../views/rollouts-text.ts';
import { hasEnded, watchRollout } from '../watch-rollout.ts';

const DAY_MS = 24 * 3600_000;
const DYNAMIC_DAYS = 7;
const EXAMPLES = `
Examples:
  still rollout start stickers-lite@1.1.0 --to all --wait
  still rollout start stickers-lite@1.1.0 --to 'site=home' --waves 1,25%,100% \\
    --gate 'quality>=4.0' --gate 'latency.p90<=1.2x' --gate 'failures<=0' --wait
  still rollout start stickers-lite@1.1.0 --to '10% of @kitchens' --max-in-flight 20 --growth 2x/50 \\
    --gate 'quality>=-2%' --gate 'failures<=5%' --retries 2 --dry-run
A device with the label maintenance=0200-0500 (sat.sun_0200-0600 for some days) begins only within these hours: of UTC, or of its label
timezone=Europe/Berlin.`;

interface StartOptions {
  readonly to: string;
  readonly waves?: string[];
  readonly gate?: string[];
  readonly variant?: string;
  readonly onFailure: 'roll-back' | 'pause';
  readonly approval: 'gate' | 'manual';
  readonly waveDeadline: number;
  readonly confidence?: number;
  readonly maxInFlight?: number;
  readonly startsPerMinute?: number;
  readonly growth?: { factor: number; after: number };
  readonly bandwidth?: number;
  readonly retries: number;
  readonly priority: number;
  readonly supersede?: boolean;
  readonly dynamic?: boolean;
  readonly dynamicFor?: number;
  readonly shadow?: boolean;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

export function rollout(): Command {
  const command = new Command('rollout').description('Bring a version to devices, in waves, behind gates.');
  addStart(command);
  addLooks(command);
  addSteering(command);
  return command;
}

function addStart(command: Command): void {
  command
    .command('start')
    .description('Start a rollout.')
    .argument('<model@version>', '', versionRef)
    .requiredOption(
      '--to <selector>',
      '"all", names, labels ("site=home,!lab"), "@group", or a share ("10% of all")',
      target,
    )
    .option('--waves <sizes>', 'cumulative counts or shares, such as 1,25%,100%', list)
    .option('--gate <condition>', 'what each wave must show before the next one starts (repeatable)', gates)
    .option('--variant <name>', 'for every device; else the best that fits each')
    .addOption(
      new Option('--on-failure <what>', 'what a failed gate does').choices(['roll-back', 'pause']).default('roll-back'),
    )
    .addOption(
      new Option('--approval <who>', 'who lets the next wave start').choices(['gate', 'manual']).default('gate'),
    )
    .addOption(
      new Option('--wave-deadline <duration>', 'how long one wave may take').argParser(duration).default(DAY_MS, '24h'),
    )
    .option('--confidence <level>', 'of the intervals that gates are judged by (default: 95%)', confidence)
    .option('--max-in-flight <devices>', 'devices that install at the same time', integer(1, 1_000_000))
    .option('--starts-per-minute <devices>', 'devices that begin in a minute', number(0.01, 1_000_000))
    .option('--growth <factor/successes>', 'both limits grow: 2x/10 doubles them after every ten successes', growth)
    .option('--bandwidth <rate>', 'the most that the download of each device takes, such as 500kB a second', byteRate)
    .option('--retries <times>', 'a device that failed for a reason that may pass tries again', integer(0, 10), 0)
    .option('--priority <number>', 'takes devices over from rollouts of lower priority', wholeNumber, 0)
    .option('--supersede', 'end the open rollouts over these devices')
    .option('--dynamic', `also take devices that come to match, for ${DYNAMIC_DAYS} days`)
    .option('--dynamic-for <duration>', 'also take devices that come to match, for so long', duration)
    .option('--shadow', 'run beside the current version, unseen, and be compared; "promote" makes it current')
    .option('--wait', 'watch until it ends; exit code 1 unless it succeeds')
    .option('--dry-run', 'show which devices would get what, and start nothing; exit code 4 if it would be refused')
    .addHelpText('after', EXAMPLES)
    .action(async (ref: VersionRef, options: StartOptions, self: Command) => {
      const session = openSession(self);
      const body = bodyOf(ref, options);
      if (options.dryRun) {
        const plan = await session.client.call('planRollout', { body });
        // As the rollout itself would end.
        if (planRefusals(plan).length > 0) process.exitCode = ERROR_CODES.unprocessable[1];
        return session.screen.result(plan, planText(plan));
      }
      const started = await session.client.call('startRollout', { body });
      if (options.wait) return watch(session, started.rolloutId);
      const hint = `"still rollout watch ${started.rolloutId}" shows how it goes.`;
      session.screen.result(started, `${rolloutText(started, Date.now())}\n${hint}`);
    });
}

function bodyOf(ref: VersionRef, options: StartOptions): GivenBody<'startRollout'> {
  return {
    ...ref,
    to: options.to,
    ...(options.waves ? { waves: options.waves } : {}),
    gates: options.gate ?? [],
    ...(options.variant ? { variant: options.variant } : {}),
    onFailure: options.onFailure,
    approval: options.approval,
    waveDeadlineMs: options.waveDeadline,
    ...(options.confidence === undefined ? {} : { confidence: options.confidence }),
    pace: {
      ...(options.maxInFlight === undefined ? {} : { maxInFlight: options.maxInFlight }),
      ...(options.startsPerMinute === undefined ? {} : { startsPerMinute: options.startsPerMinute }),
      ...(options.growth === undefined ? {} : { growth: options.growth }),
      ...(options.bandwidth === undefined ? {} : { downloadBytesPerSecond: options.bandwidth }),
    },
    retries: options.retries,
    priority: options.priority,
    supersede: options.supersede ?? false,
    ...dynamicOf(options),
    shadow: options.shadow ?? false,
    dryRun: options.dryRun ?? false,
  };
}

function dynamicOf({ dynamic, dynamicFor }: StartOptions): { dynamicForMs?: number } {
  const forMs = dynamicFor ?? (dynamic ? DYNAMIC_DAYS * DAY_MS : undefined);
  return forMs === undefined ? {} : { dynamicForMs: forMs };
}

function wholeNumber(text: string): number {
  if (/^-?\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number such as 10 or -5.');
}

function addLooks(command: Command): void {
  command
    .command('list')
    .description('List the rollouts, newest first.')
    .option('--limit <rows>', 'how many', integer(1, 1000), 20)
    .action(async ({ limit }: { limit: number }, self: Command) => {
      const { client, screen } = openSession(self);
      const rollouts = await client.call('listRollouts', { query: { limit } });
      screen.result(rollouts, rolloutsText(rollouts));
    });
  command
    .command('show')
    .description('Show one rollout as it stands.')
    .argument('<rollout-id>')
    .action(async (rolloutId: string, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const shown = await client.call('showRollout', { params: { rolloutId } });
      screen.result(shown, rolloutText(shown, Date.now()));
    });
  command
    .command('history')
    .description('Every decision about a rollout, by whom, and from what evidence (--json has it in full).')
    .argument('<rollout-id>')
    .action(async (rolloutId: string, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const decisions = await client.call('listDecisions', { params: { rolloutId } });
      screen.result(decisions, decisionsText(decisions));
    });
  command
    .command('watch')
    .description('Watch a rollout until it ends; exit code 1 unless it succeeds.')
    .argument('<rollout-id>')
    .action((rolloutId: string, _: object, self: Command) => watch(openSession(self), rolloutId));
}

async function watch(session: Session, rolloutId: string): Promise<void> {
  const rollout = await untilInterrupt((signal) => watchRollout(session, rolloutId, signal));
  session.screen.result(rollout, rolloutText(rollout, Date.now()));
  if (!hasEnded(rollout)) {
    session.screen.line(`The rollout goes on. "still rollout watch ${rolloutId}" shows it again.`);
    process.exitCode = INTERRUPTED_EXIT_CODE;
  } else if (rollout.state !== 'SUCCEEDED') process.exitCode = 1;
}

type Steered = { readonly rolloutId: string; readonly expect: string | undefined };
// biome-ignore format: one line a verb
const steering = [
  { verb: 'pause', summary: 'Start no further device; of one that has succeeded, none that comes late.', call: ({ client }: Session, { rolloutId, expect }: Steered) => client.call('pauseRollout', { params: { rolloutId }, query: { expect } }) },
  { verb: 'resume', summary: 'Go on after a pause, or take devices that come late again.', call: ({ client }: Session, { rolloutId, expect }: Steered) => client.call('resumeRollout', { params: { rolloutId }, query: { expect } }) },
  { verb: 'approve', summary: 'Let the next wave start.', call: ({ client }: Session, { rolloutId, expect }: Steered) => client.call('approveRollout', { params: { rolloutId }, query: { expect } }) },
  { verb: 'promote', summary: 'Make what runs as a shadow current; it is loaded already.', call: ({ client }: Session, { rolloutId, expect }: Steered) => client.call('promoteRollout', { params: { rolloutId }, query: { expect } }) },
] as const;

const EXPECT = ['--expect <revision>', 'only if it still stands at this revision, or in this state'] as const;

function addSteering(command: Command): void {
  const tell = ({ screen }: Session, rollout: RolloutView) => screen.result(rollout, rolloutText(rollout, Date.now()));
  for (const { verb, summary, call } of steering)
    command
      .command(verb)
      .description(summary)
      .argument('<rollout-id>')
      .option(...EXPECT)
      .action(async (rolloutId: string, { expect }: { expect?: string }, self: Command) => {
        const session = openSession(self);
        tell(session, await call(session, { rolloutId, expect }));
      });
  command
    .command('abort')
    .description('End it; its devices return to what they ran before.')
    .argument('<rollout-id>')
    .option('--no-roll-back', 'leave the devices where they are')
    .option(...EXPECT)
    .action(async (rolloutId: string, options: { rollBack: boolean; expect?: string }, self: Command) => {
      const session = openSession(self);
      const { rollBack, expect } = options;
      const order = { params: { rolloutId }, query: { expect }, body: { rollBack } };
      tell(session, await session.client.call('abortRollout', order));
    });
}
