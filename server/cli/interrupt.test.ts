import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { INTERRUPTED_EXIT_CODE, untilInterrupt } from './interrupt.ts';

afterEach(() => vi.restoreAllMocks());

test('one Ctrl-C that is heard twice lets the work end, a second one ends the process', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as () => never);
  const before = process.listenerCount('SIGINT');
  await untilInterrupt(async (signal) => {
    process.emit('SIGINT');
    process.emit('SIGINT');
    expect([signal.aborted, exit.mock.calls]).toEqual([true, []]);
    await sleep(350);
    process.emit('SIGINT');
    expect(exit.mock.calls).toEqual([[INTERRUPTED_EXIT_CODE]]);
  });
  expect(process.listenerCount('SIGINT')).toBe(before);
});
