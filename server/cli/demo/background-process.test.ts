import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StillError } from '../../../shared/errors.ts';
import { startProcess } from './background-process.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'still-process-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a process that ends before it is ready: the error holds its last words and names its log', async () => {
  const logFile = join(folder, 'logs', 'pi-kitchen.log');
  // No server, no data folder: the agent refuses to start.
  const error = await startProcess('pi-kitchen', ['agent', '--name', 'pi-kitchen'], logFile).catch((thrown) => thrown);
  if (!(error instanceof StillError)) throw new Error(`expected a StillError, got ${String(error)}`);
  expect(error.message).toBe('pi-kitchen ended before it was ready');
  expect(error.problems[0]?.message).toBe(`its log is ${logFile}`);
  expect(error.problems[1]?.message).toContain('--server is missing');
  expect(readFileSync(logFile, 'utf8')).toContain('--server is missing');
});
