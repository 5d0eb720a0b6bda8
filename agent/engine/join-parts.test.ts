import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EngineFault } from '../pipeline/fault.ts';
import type { Runtime, Session, Tensor, TensorInfo } from '../runtime/runtime.ts';
import { holdInTurn } from './in-turn.ts';
import { joinParts } from './join-parts.ts';

const options = { threads: 1 };
const float = (value: number): Tensor => ({ type: 'float32', dims: [1], data: Float32Array.of(value) });
const infos = (names: readonly string[]): TensorInfo[] => names.map((name) => ({ name, type: 'float32', dims: [1] }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parts-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Every part adds its inputs up; what is open at once is counted. */
function summing(parts: Readonly<Record<string, { readonly inputs: string[]; readonly outputs: string[] }>>) {
  const open = new Set<string>();
  const seen: { mostOpen: number; fed: string[][]; lean: boolean[] } = { mostOpen: 0, fed: [], lean: [] };
  const runtime: Runtime = {
    ...{ name: 'onnxruntime', version: '0', graphFile: 'model.onnx', build: async () => '' },
    async load(path, { lean }): Promise<Session> {
      seen.lean.push(lean ?? false);
      const { inputs, outputs } = parts[basename(path)] ?? { inputs: ['x'], outputs: ['whole'] };
      open.add(path);
      seen.mostOpen = Math.max(seen.mostOpen, open.size);
      return {
        ...{ inputs: infos(inputs), outputs: infos(outputs) },
        async run(feeds) {
          seen.fed.push(Object.keys(feeds));
          const sum = inputs.reduce((total, name) => total + ((feeds[name] as Tensor).data[0] as number), 0);
          return Object.fromEntries(outputs.map((name, i) => [name, float(sum + i)]));
        },
        close: async () => void open.delete(path),
      };
    },
  };
  return { runtime, seen, open };
}

const write = (parts: readonly string[], outputs = ['y']) =>
  writeFileSync(join(folder, 'parts.json'), JSON.stringify({ parts, inputs: ['x', 't'], outputs }));

const PARTS = {
  'part_01.onnx': { inputs: ['x', 't'], outputs: ['a', 'skip'] },
  'part_02.onnx': { inputs: ['a'], outputs: ['b'] },
  'part_03.onnx': { inputs: ['b', 'skip', 't'], outputs: ['y'] },
};

it('runs the parts in their order, and carries what later ones read', async () => {
  write(Object.keys(PARTS));
  const { runtime, seen, open } = summing(PARTS);
  const session = await joinParts(runtime).load(join(folder, 'model.onnx'), options);
  expect([session.inputs, session.outputs].map((list) => list.map(({ name }) => name))).toEqual([['x', 't'], ['y']]);
  const found = await session.run({ x: float(1), t: float(10) });
  // a = 11, skip = 12, b = 11, y = 11 + 12 + 10
  expect(found).toEqual({ y: float(33) });
  expect(seen.fed).toEqual([['x', 't'], ['a'], ['b', 'skip', 't']]);
  await session.close();
  expect(open.size).toBe(0);
});

it('has one of them open at a time where parts are held in turn', async () => {
  write(Object.keys(PARTS));
  const { runtime, seen } = summing(PARTS);
  const session = await joinParts(holdInTurn(runtime)).load(join(folder, 'model.onnx'), options);
  for (const x of [1, 2]) expect(await session.run({ x: float(x), t: float(0) })).toEqual({ y: float(2 * x + 1) });
  expect(seen.mostOpen).toBe(1);
  expect(new Set(seen.lean)).toEqual(new Set([true]));
});

it('leaves a whole graph alone', async () => {
  const { runtime, seen } = summing({});
  const session = await joinParts(runtime).load(join(folder, 'model.onnx'), options);
  expect(await session.run({ x: float(4) })).toEqual({ whole: float(4) });
  expect(seen.lean).toEqual([false]);
});

it('says which tensor no part gives', async () => {
  write(['part_02.onnx']);
  const session = await joinParts(summing(PARTS).runtime).load(join(folder, 'model.onnx'), options);
  await expect(session.run({ x: float(1) })).rejects.toThrow('no part before gives "a"');
});

it.each([[['../part.onnx']], [['/etc/part.onnx']], [[]], [['part.xml']]])('refuses parts like %j', async (parts) => {
  write(parts);
  const loading = joinParts(summing(PARTS).runtime).load(join(folder, 'model.onnx'), options);
  await expect(loading).rejects.toThrow(EngineFault);
  await expect(loading).rejects.toThrow(/parts\.json/);
});
