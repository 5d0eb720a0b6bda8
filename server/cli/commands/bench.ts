import { Command, Option } from 'commander';
import type { BenchMode } from '../../../shared/bench.ts';
import type { BenchRunView } from '../../../shared/http-api.ts';
import type { VersionRef } from '../../../shared/ids.ts';
import { jobTable } from '../../../shared/job.ts';
import { isFinal } from '../../../shared/machine.ts';
import { duration, versionRef } from '../arguments.ts';
import { followJob, requireSuccess } from '../follow-job.ts';
import { INTERRUPTED_EXIT_CODE, untilInterrupt } from '../interrupt.ts';
import { openSession, type Session } from '../session.ts';
import { benchText } from '../views/bench-text.ts';

interface Options {
  readonly mode: BenchMode;
  readonly timeout?: number;
  readonly wait?: boolean;
}

export function bench(): Command {
  return new Command('bench')
    .description('Measure a version on a device that has it: latency, memory, quality.')
    .argument('<device>')
    .argument('<model@version>', '', versionRef)
    .addOption(
      new Option('--mode <mode>', 'quick: 10 s; rapid: 1 min; full: 10 min or 662 pictures')
        .choices(['quick', 'rapid', 'full'])
        .default('quick'),
    )
    .option('--timeout <duration>', 'how long it may take, waiting for its turn included', duration)
    .option('--wait', 'wait for the result')
    .action(async (device: string, ref: VersionRef, options: Options, self: Command) => {
      const session = openSession(self);
      const body = { device, ...ref, mode: options.mode, timeoutMs: options.timeout };
      const requested = await session.client.call('requestBench', { body });
      if (options.wait) return wait(session, requested);
      session.screen.result(
        requested,
        `Asked ${device} for it (${requested.benchRunId}). "still table" shows the result.`,
      );
    });
}

async function wait(session: Session, { benchRunId }: BenchRunView): Promise<void> {
  const ask = () => session.client.call('showBenchRun', { params: { benchRunId } });
  const run = await untilInterrupt((signal) => followJob(session, ask, signal));
  if (!isFinal(jobTable, run.state)) {
    process.exitCode = INTERRUPTED_EXIT_CODE;
    return session.screen.result(run, 'The bench run goes on. "still table" shows the result when there is one.');
  }
  requireSuccess(`the bench run of ${run.model}@${run.version}`, run);
  session.screen.result(run, benchText(run));
}
