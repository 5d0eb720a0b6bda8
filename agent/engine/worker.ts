// The engine's child process: reads frames, does one thing at a time, and ends with its parent.
import { writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../../shared/errors.ts';
import { EngineFault } from '../pipeline/fault.ts';
import type { FaultFrame, LoadOrder, ToChild, ToParent } from './frames.ts';
import { type LoadedEngine, loadEngine } from './load-engine.ts';

/** Steps shorter than this share a turn of the event loop: a turn a step would cost a tiny model measurable time. */
const TURN_MS = 10;

let engine: LoadedEngine | null = null;
let turnedAt = 0;
/** The request that is worked on, and whether it is still wanted. */
let current: { readonly id: number; canceled: boolean } | null = null;

process.on('message', (frame) => void receive(frame as ToChild));
process.on('disconnect', () => process.exit(0));
// Ctrl-C and a stopping service reach every process of the group; when an engine ends is for its agent to say.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('uncaughtException', die);
process.on('unhandledRejection', die);
volunteerForTheKernel();

async function receive(frame: ToChild): Promise<void> {
  switch (frame.kind) {
    case 'load':
      return answer(null, () => load(frame.order));
    case 'generate':
      return answer(frame.id, () => generate(frame));
    case 'evaluate':
      return answer(frame.id, async () => {
        send({ kind: 'found', id: frame.id, labels: await loaded().evaluate(frame.png) });
      });
    case 'describe':
      return answer(frame.id, async () => {
        send({ kind: 'description', id: frame.id, description: await loaded().describe() });
      });
    case 'cancel':
      if (current?.id !== frame.id) return;
      current.canceled = true;
      engine?.interrupt();
      return;
    case 'make-way':
      engine?.makeWay();
      return send({ kind: 'made-way' });
    case 'close':
      process.exit(0);
  }
}

async function load(order: LoadOrder): Promise<void> {
  engine = await loadEngine(order);
  const { runtimeVersion, compiled } = engine;
  send({ kind: 'ready', runtimeVersion, compiled });
}

async function generate({ id, request, progress }: Extract<ToChild, { kind: 'generate' }>): Promise<void> {
  // The frame came in a turn of its own.
  turnedAt = performance.now();
  const pictures = await loaded().generate(request, async (reached) => {
    if (progress) send({ kind: 'progress', id, progress: reached });
    await takeTurn();
    if (current?.canceled) throw new EngineFault('canceled', `canceled in ${reached.stage}, step ${reached.done}`);
  });
  send({ kind: 'pictures', id, pictures });
}

/** A turn of the event loop lets a `cancel` in; the runtime blocks it during a step. */
async function takeTurn(): Promise<void> {
  if (performance.now() - turnedAt < TURN_MS) return;
  await nextTurn();
  turnedAt = performance.now();
}

function loaded(): LoadedEngine {
  if (!engine) throw new EngineFault('load_failed', 'nothing is loaded');
  return engine;
}

/** The one door that turns what was thrown into an answer. */
async function answer(id: number | null, work: () => Promise<void>): Promise<void> {
  if (id !== null) current = { id, canceled: false };
  try {
    await work();
  } catch (thrown) {
    // A graph that was broken off throws whatever its runtime throws then.
    const broken = current?.canceled ? new EngineFault('canceled', 'canceled in the midst of a graph') : null;
    send(faultFrame(id, broken ?? thrown));
  } finally {
    current = null;
  }
}

function faultFrame(id: number | null, thrown: unknown): FaultFrame {
  if (thrown instanceof EngineFault) return { kind: 'fault', id, code: thrown.code, message: thrown.message };
  return { kind: 'fault', id, code: id === null ? 'load_failed' : 'run_failed', message: messageOf(thrown) };
}

function send(frame: ToParent): void {
  if (process.connected) process.send?.(frame);
}

/** Node's own report ends with its version; the parent quotes the last line. */
function die(thrown: unknown): void {
  process.stderr.write(`engine worker: ${messageOf(thrown)}\n`, () => process.exit(1));
}

/** When memory runs out, the kernel should take the engine, which can be started again, and not the agent. */
function volunteerForTheKernel(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '500');
  } catch {
    // Not Linux, or a container that forbids it: the kernel chooses by size alone.
  }
}
