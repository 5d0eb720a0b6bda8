import { Command, Option } from 'commander';
import type { GivenBody, RolloutView } from '../../../shared/http-api.ts';
import type { VersionRef } from '../../../shared/ids.ts';
import { duration, gates, integer, list, selector, versionRef } from '../arguments.ts';
import { INTERRUPTED_EXIT_CODE, untilInterrupt } from '../interrupt.ts';
import { openSession, type Session } from '../session.ts';
import { planText } from '../views/plan-text.ts';
import { rolloutText } from '../views/rollout-text.ts';
import { rolloutsText } from '../views/rollouts-text.ts';
import { hasEnded, watchRollout } from '../watch-rollout.ts';

const DAY_MS = 24 * 3600_000;
const EXAMPLES = `
Examples:
  still rollout start stickers-lite@1.1.0 --to all --wait
  still rollout start stickers-lite@1.1.0 --to 'site=home' --waves 1,25%,100% \\
    --gate 'quality>=4.0' --gate 'latency.p90<=1.2x' --gate 'failures<=0' --wait`;

interface StartOptions {
  readonly to: string;
  readonly waves?: string[];
  readonly gate?: string[];
  readonly variant?: string;
  readonly onFailure: 'roll-back' | 'pause';
  readonly approval: 'gate' | 'manual';
  readonly waveDeadline: number;
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
    .requiredOption('--to <selector>', '"all", names ("pi-a,pi-b") or labels ("site=home,!lab")', selector)
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
    .option('--wait', 'watch until it ends; exit code 1 unless it succeeds')
    .option('--dry-run', 'show which devices would get what, and start nothing')
    .addHelpText('after', EXAMPLES)
    .action(async (ref: VersionRef, options: StartOptions, self: Command) => {
      const session = openSession(self);
      const body = bodyOf(ref, options);
      if (options.dryRun) {
        const plan = await session.client.call('planRollout', { body });
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
    dryRun: options.dryRun ?? false,
  };
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

// biome-ignore format: one line a verb
const steering = [
  { verb: 'pause', summary: 'Start no further device.', call: ({ client }: Session, rolloutId: string) => client.call('pauseRollout', { params: { rolloutId } }) },
  { verb: 'resume', summary: 'Go on after a pause.', call: ({ client }: Session, rolloutId: string) => client.call('resumeRollout', { params: { rolloutId } }) },
  { verb: 'approve', summary: 'Let the next wave start.', call: ({ client }: Session, rolloutId: string) => client.call('approveRollout', { params: { rolloutId } }) },
] as const;

function addSteering(command: Command): void {
  const tell = ({ screen }: Session, rollout: RolloutView) => screen.result(rollout, rolloutText(rollout, Date.now()));
  for (const { verb, summary, call } of steering)
    command
      .command(verb)
      .description(summary)
      .argument('<rollout-id>')
      .action(async (rolloutId: string, _: object, self: Command) => {
        const session = openSession(self);
        tell(session, await call(session, rolloutId));
      });
  command
    .command('abort')
    .description('End it; its devices return to what they ran before.')
    .argument('<rollout-id>')
    .option('--no-roll-back', 'leave the devices where they are')
    .action(async (rolloutId: string, { rollBack }: { rollBack: boolean }, self: Command) => {
      const session = openSession(self);
      tell(session, await session.client.call('abortRollout', { params: { rolloutId }, body: { rollBack } }));
    });
}
