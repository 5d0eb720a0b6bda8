// `npm run kills`: SIGKILL for the real agent and the real server in the midst of real installations.
import { commandLine } from '../command-line.ts';
import { runKills } from './run-kills.ts';

const USAGE = `npm run kills -- --count 1000 --seed 1
npm run kills -- --minutes 30      ends after that long, whatever was reached`;

const values = commandLine(USAGE, {
  count: { type: 'string' },
  seed: { type: 'string' },
  minutes: { type: 'string' },
});
const count = numberOf('--count', values.count, 100);
const seed = numberOf('--seed', values.seed, Date.now() % 2 ** 31);
const minutes = numberOf('--minutes', values.minutes, 24 * 60);

const endMs = performance.now() + minutes * 60_000;
const figures = await runKills({
  ...{ count, seed },
  until: () => performance.now() > endMs,
  log: (line) => console.log(line),
});
console.log(JSON.stringify(figures, null, 2));
console.log(
  `${figures.kills} kills in ${figures.installations} installations (seed ${seed}), ${figures.transitions} transitions stored, ${figures.violations.length} violations`,
);
process.exitCode = figures.violations.length === 0 ? 0 : 1;

function numberOf(option: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`${option} "${text}": expected a number above 0`);
  process.exit(2);
}
