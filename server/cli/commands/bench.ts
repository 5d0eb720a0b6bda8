import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { BenchMode } from '../../../shared/bench.ts';
import { StillError } from '../../../shared/errors.ts';
import type { FitTarget } from '../../../shared/fit.ts';
import type { BenchRunView } from '../../../shared/http-api.ts';
import type { VersionRef } from '../../../shared/ids.ts';
import { jobTable } from '../../../shared/job.ts';
import { limits } from '../../../shared/limits.ts';
import { isFinal } from '../../../shared/machine.ts';
import { plural } from '../../../shared/plural.ts';
import { fitTarget, integer, jobTimeout, size, versionRef } from '../arguments.ts';
import { followJob, requireSuccess } from '../follow-job.ts';
import { INTERRUPTED_EXIT_CODE, untilInterrupt } from '../interrupt.ts';
import { requireFolderOf } from '../out-file.ts';
import { openSession, type Session } from '../session.ts';
import { benchText } from '../views/bench-text.ts';
import { comparisonText } from '../views/comparison-text.ts';
import { samplesCsv } from '../views/samples-csv.ts';

interface Options {
  readonly mode: BenchMode;
  readonly steps?: number;
  readonly size?: { width: number; height: number };
  readonly fit?: FitTarget;
  readonly timeout?: number;
  readonly wait?: boolean;
}

export function bench(): Command {
  return measure().addCommand(compare()).addCommand(samples()).addCommand(cancel());
}

function measure(): Command {
  return new Command('bench')
    .description('Measure a version on a device that has it: latency, memory, quality.')
    .argument('<device>', 'its name')
    .argument('<model@version>', 'which it has', versionRef)
    .addOption(
      new Option(
        '--mode <mode>',
        'quick: 10 s or 128 pictures; rapid: 1 min or 256; full: 10 min or 2,000, and 662 at least',
      )
        .choices(['quick', 'rapid', 'full'])
        .default('quick'),
    )
    .option(
      '--steps <count>',
      'in place of the variant’s own; such a run counts for no gate and no table',
      integer(1, limits.steps),
    )
    .option('--size <WxH>', 'as --steps', size)
    .option(
      '--fit <target>',
      'latency=500ms or memory=300MB: the largest size and most steps that meet it there',
      fitTarget,
    )
    .option('--timeout <duration>', 'how long it may take, waiting for its turn included', jobTimeout)
    .option('--wait', 'wait for the result')
    .action(async (device: string, ref: VersionRef, options: Options, self: Command) => {
      const session = openSession(self);
      const { mode, timeout, steps, fit } = options;
      const settings = { steps, ...options.size };
      const body = { device, ...ref, mode, settings, fit, timeoutMs: timeout };
      const requested = await session.client.call('requestBench', { body });
      if (options.wait) return wait(session, requested);
      session.screen.result(
        requested,
        `Asked ${device} for it (${requested.benchRunId}). "still table" shows the result; "still bench cancel" and the id stop it.`,
      );
    });
}

function compare(): Command {
  return new Command('compare')
    .description('Tell whether version B is faster than A on a device: both in turn, with an interval, or a refusal.')
    .argument('<model@version A>', 'what the other is held against', versionRef)
    .argument('<model@version B>', 'is it the faster of the two?', versionRef)
    .argument('<device>', 'which has both')
    .addOption(
      new Option('--mode <mode>', 'quick: 20 s; rapid: 90 s; full: 15 min or 1000 pairs')
        .choices(['quick', 'rapid', 'full'])
        .default('quick'),
    )
    .option('--timeout <duration>', 'how long it may take, waiting for its turn included', jobTimeout)
    .action(async (a: VersionRef, b: VersionRef, device: string, _: Options, self: Command) => {
      const session = openSession(self);
      // "bench" has options of the same names, and takes them for its own wherever they stand.
      const options = self.optsWithGlobals<Options>();
      for (const name of ['steps', 'size', 'fit'] as const)
        if (options[name] !== undefined)
          throw new StillError(
            'invalid_input',
            `--${name}: both versions are compared as they are published; leave it out`,
          );
      const body = { device, ...a, against: b, mode: options.mode, timeoutMs: options.timeout };
      await wait(session, await session.client.call('requestBench', { body }));
    });
}

function samples(): Command {
  return new Command('samples')
    .description('The raw samples of a bench run, one line each (CSV; --json for JSON).')
    .argument('<bench run>', 'its id, as "still bench" prints it')
    .option('-o, --output <file>', 'write them to a file')
    .action(async (benchRunId: string, { output }: { output?: string }, self: Command) => {
      const { client, screen } = openSession(self);
      if (output !== undefined) requireFolderOf('--output', output);
      const run = await client.call('showBenchRun', { params: { benchRunId } });
      if (!run.result && !run.comparison)
        throw new StillError('not_found', `the bench run ${benchRunId} is ${run.state} and holds no samples`);
      const raw = run.result?.samples ?? run.comparison?.pairsMs ?? [];
      const csv = samplesCsv(run);
      if (output === undefined) return screen.result(raw, csv);
      writeFileSync(output, screen.json ? `${JSON.stringify(raw, null, 2)}\n` : `${csv}\n`);
      screen.result({ file: output, samples: raw.length }, `${plural(raw.length, 'sample')} stand in ${output}.`);
    });
}

function cancel(): Command {
  return new Command('cancel')
    .description('Stop a bench run that waits or runs.')
    .argument('<bench run>', 'its id, as "still bench" prints it')
    .action(async (benchRunId: string, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const run = await client.call('cancelBenchRun', { params: { benchRunId } });
      const ended = run.state === 'CANCELED' ? 'Canceled' : `It had ended ${run.state} before:`;
      screen.result(run, `${ended} ${benchRunId} on ${run.device}.`);
    });
}

async function wait(session: Session, { benchRunId }: BenchRunView): Promise<void> {
  const ask = () => session.client.call('showBenchRun', { params: { benchRunId } });
  const run = await untilInterrupt((signal) => followJob(session, ask, signal));
  if (!isFinal(jobTable, run.state)) {
    process.exitCode = INTERRUPTED_EXIT_CODE;
    return session.screen.result(
      run,
      `The bench run goes on. "still table" shows the result when there is one; "still bench cancel ${benchRunId}" stops it.`,
    );
  }
  requireSuccess(`the bench run of ${run.model}@${run.version}`, run);
  session.screen.result(run, run.comparison ? comparisonText(run, run.comparison) : benchText(run));
}
