import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runToEnd } from './run-to-end.ts';

const node = (script: string) => ({ command: process.execPath, args: ['-e', script] });

test('the end of the program is its exit code, or the signal that ended it', async () => {
  expect(await runToEnd(node('process.exit(7)'))).toBe(7);
  expect(await runToEnd(node('process.kill(process.pid, "SIGKILL")'))).toBe(137);
  await expect(runToEnd({ command: '/no/such/program', args: [] })).rejects.toThrow('ENOENT');
});

/** A process that runs `script` to its end; "child PID" comes over IPC as soon as the script runs. */
async function parentOf(script: string) {
  const file = join(mkdtempSync(join(tmpdir(), 'stillhouse-run-')), 'parent.ts');
  const module = fileURLToPath(new URL('./run-to-end.ts', import.meta.url));
  writeFileSync(
    file,
    `import { runToEnd } from ${JSON.stringify(module)};
     process.exitCode = await runToEnd({ command: process.execPath, args: ['-e', ${JSON.stringify(script)}] });
     process.disconnect?.();`,
  );
  const parent = fork(file, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const [first] = (await once(parent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { parent, pid: Number(first.toString()) };
}

test('SIGTERM is passed on, and the program decides how to end', { timeout: 60_000 }, async () => {
  const { parent } = await parentOf(
    'process.on("SIGTERM", () => process.exit(5)); setInterval(() => {}, 1000); console.log(process.pid)',
  );
  parent.kill('SIGTERM');
  expect(await once(parent, 'exit')).toEqual([5, null]);
});

test('a parent that is killed closes the pipe', { timeout: 60_000 }, async () => {
  const { parent, pid } = await parentOf(
    'require("node:fs").createReadStream("", { fd: 3 }).on("close", () => process.exit()).resume();' +
      'setInterval(() => {}, 1000); console.log(process.pid)',
  );
  parent.kill('SIGKILL');
  await expect.poll(() => isRunning(pid), { timeout: 50_000 }).toBe(false);
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
