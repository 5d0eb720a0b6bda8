// Graphs whose inputs are in half precision, as exports for graphics cards have them (optimum's --dtype fp16).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadGraph } from '../../agent/pipeline/graph.ts';
import { onnxRuntime } from '../../agent/runtime/onnxruntime.ts';

/** `y = x + x` over float16 [n, 4]: onnx.helper.make_node('Add', ['x', 'x'], ['y']), opset 17, IR version 9. */
const TWICE = Buffer.from(
  'CAk6PwoOCgF4CgF4EgF5IgNBZGQSAWdaFAoBeBIPCg0IChIJCgMSAW4KAggEYhQKAXkSDwoNCAoSCQoDEgFuCgIIBEIECgAQEQ==',
  'base64',
);

it('takes float32, hands it over in halves, and gives float32 back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-half-'));
  const path = join(folder, 'model.onnx');
  writeFileSync(path, TWICE);
  const graph = await loadGraph(onnxRuntime, path, { threads: 1, inputs: ['x'], outputs: ['y'] });
  const x = { type: 'float32', dims: [2, 4], data: Float32Array.of(1, 0.5, -2, 3, 0, 1e-3, 100, 0.1) } as const;
  const { data } = (await graph.run({ x })).float32('y');
  expect(Array.from(data)).toEqual(Array.from(x.data, (value) => 2 * Math.f16round(value)));
  rmSync(folder, { recursive: true });
});
