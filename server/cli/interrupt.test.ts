import type { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { INTERRUPTED_EXIT_CODE, untilInterrupt } from './interrupt.ts';

const emitter: EventEmitter = process;
const listening = () =>
  ['SIGINT', 'beforeExit'].flatMap((event) => emitter.listeners(event).map((listener) => ({ event, listener })));
const before = new Set(listening().map(({ listener }) => listener));
const added = () => listening().filter(({ listener }) => !before.has(listener));

// A process that was interrupted ends; this one goes on.
afterEach(() => {
  vi.restoreAllMocks();
  for (const { event, listener } of added()) emitter.off(event, listener as () => void);
});

test('without Ctrl-C nothing stays', async () => {
  await untilInterrupt(async () => {});
  expect(added()).toEqual([]);
});

test('one Ctrl-C that is heard twice lets the work end, a second one ends the process', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as () => never);
  await untilInterrupt(async (signal) => {
    process.emit('SIGINT');
    process.emit('SIGINT');
    expect(signal.aborted).toBe(true);
  });
  process.emit('SIGINT');
  expect(exit.mock.calls).toEqual([]);
  await sleep(350);
  process.emit('SIGINT');
  expect(exit.mock.calls).toEqual([[INTERRUPTED_EXIT_CODE]]);
});
