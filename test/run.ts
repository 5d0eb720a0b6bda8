// `npm test`: the TypeScript suites, then the toolkit's own in its Python environment, and one line over all of them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLine } from './command-line.ts';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const USAGE = `npm test                        everything
npm test -- --without-models    leave the Python side out
npm test -- --only PATTERN      TypeScript files whose path holds PATTERN (leaves the Python side out)`;
const values = commandLine(USAGE, {
  'without-models': { type: 'boolean', default: false },
  only: { type: 'string' },
});
const folder = mkdtempSync(join(tmpdir(), 'stillhouse-test-'));

function run(command: string, args: readonly string[]): number {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}

/** A suite that ended badly, or ran nothing, counts as one failure at least. */
function settle(name: string, status: number, counts: Counts): Counts {
  const silent = counts.passed + counts.failed === 0;
  if (silent) console.error(`${name}: no test ran`);
  return status === 0 && !silent ? counts : { ...counts, failed: Math.max(1, counts.failed) };
}

function typescript(): Counts {
  const report = join(folder, 'vitest.json');
  const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');
  const only = values.only === undefined ? [] : [values.only];
  const status = run(process.execPath, [
    vitest,
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...only,
  ]);
  const empty = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
  const seen = read(report, (text) => JSON.parse(text) as typeof empty) ?? empty;
  return settle('vitest', status, {
    passed: seen.numPassedTests,
    failed: seen.numFailedTests,
    skipped: seen.numPendingTests,
  });
}

function python(): Counts {
  const report = join(folder, 'pytest.xml');
  const interpreter = join(root, 'models/.venv/bin/python');
  const made = run('python3', [join(root, 'models/setup.py')]);
  if (made !== 0) return settle('models/setup.py', made, { passed: 0, failed: 0, skipped: 0 });
  const status = run(interpreter, ['-m', 'pytest', '-q', join(root, 'models/tests'), `--junitxml=${report}`]);
  const suite = read(report, (text) => /<testsuite [^>]*>/.exec(text)?.[0]) ?? '';
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = count('failures') + count('errors');
  const passed = count('tests') - failed - count('skipped');
  return settle('pytest', status, { passed, failed, skipped: count('skipped') });
}

function read<T>(path: string, parse: (text: string) => T): T | undefined {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    console.error(`${path}: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

const suites = [typescript()];
if (!values['without-models'] && values.only === undefined) suites.push(python());
rmSync(folder, { recursive: true, force: true });
const sum = (key: keyof Counts) => suites.reduce((total, counts) => total + counts[key], 0);
const skipped = sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : '';
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed${skipped}`);
process.exitCode = sum('failed') === 0 ? 0 : 1;
