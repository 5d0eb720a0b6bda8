// `npm run sim`: a simulated fleet from a seed, or at random for a while.
import { randomInt } from 'node:crypto';
import { commandLine } from '../command-line.ts';
import { type SimulationReport, simulate } from './simulation.ts';

const HOUR_MS = 3600_000;

const USAGE = `npm run sim -- --devices 1000 --days 1 --seed 7
npm run sim -- --seed 7 --hours 2 --trace   every step of it
npm run sim -- --minutes 30                 random seeds, until the time is up

  --devices N   how many (default: 6)
  --days N, --hours N   simulated time with faults and operators (default: 1 hour)
  --seed N      the same seed is the same run, step by step (default: a random one)
  --minutes N   explore at random for so long
  --trace       print every step`;

const values = commandLine(USAGE, {
  devices: { type: 'string', default: '6' },
  days: { type: 'string' },
  hours: { type: 'string' },
  seed: { type: 'string' },
  minutes: { type: 'string' },
  trace: { type: 'boolean', default: false },
});
const devices = positive('devices', values.devices);
const hours = values.days === undefined ? positive('hours', values.hours ?? '1') : 24 * positive('days', values.days);
const lastsMs = hours * HOUR_MS;
const isTerminal = process.stderr.isTTY && !values.trace;

if (values.minutes === undefined) await once(values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed));
else await explore(positive('minutes', values.minutes));

async function once(seed: number): Promise<SimulationReport> {
  const startedAt = performance.now();
  const report = await simulate({
    ...{ seed, devices, lastsMs },
    ...(values.trace && { trace: (line: string) => console.log(line) }),
    ...(isTerminal && {
      onProgress: ({ simulatedMs, steps, faults }) =>
        process.stderr.write(`\r${(simulatedMs / HOUR_MS).toFixed(2)} h, ${steps} steps, ${faults} faults `),
    }),
  }).catch((error: Error) => {
    console.error(again(seed));
    throw error;
  });
  if (isTerminal) process.stderr.write('\r\u001b[K');
  if (report.violation) tell(report);
  const { simulatedMs, steps, faults, violation, digest, rollouts, installations, committed } = report;
  console.log(
    `seed ${seed}: ${report.devices} devices, ${(simulatedMs / HOUR_MS).toFixed(2)} h simulated in ${((performance.now() - startedAt) / 1000).toFixed(1)} s, ` +
      `${rollouts} rollouts, ${installations} installations (${committed} committed), ${steps} steps, ${faults} faults injected, ${violation ? 1 : 0} invariant violations, digest ${digest.slice(0, 16)}`,
  );
  if (violation) process.exitCode = 1;
  return report;
}

function tell({ seed, steps, violation, last }: SimulationReport): void {
  console.error(`${last.join('\n')}\n\nviolation at step ${steps} of seed ${seed}: ${violation?.message}`);
  console.error(again(seed));
}

function again(seed: number): string {
  const scale = values.days === undefined ? `--hours ${hours}` : `--days ${values.days}`;
  return `see it again: npm run sim -- --seed ${seed} --devices ${devices} ${scale} --trace`;
}

async function explore(minutes: number): Promise<void> {
  const endsAt = performance.now() + minutes * 60_000;
  const sum = { seeds: 0, simulatedMs: 0, steps: 0, faults: 0, violations: 0 };
  while (performance.now() < endsAt) {
    const report = await once(randomInt(2 ** 31));
    sum.seeds++;
    sum.simulatedMs += report.simulatedMs;
    sum.steps += report.steps;
    sum.faults += report.faults;
    if (report.violation) sum.violations++;
  }
  console.log(
    `${sum.seeds} seeds of ${devices} devices, ${(sum.simulatedMs / HOUR_MS).toFixed(1)} h simulated, ${sum.steps} steps, ${sum.faults} faults injected, ${sum.violations} invariant violations`,
  );
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  console.error(`--${name} expects a number above 0, got "${text}"`);
  process.exit(2);
}
