// Matrices whose weights stand in 8 bits, as optimum stores those of large models: what they are multiplied with is not rounded.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openVino } from '../../agent/runtime/openvino/openvino.ts';
import { findOpenVino } from '../../agent/runtime/runtime-folders.ts';
import { mulberry32 } from '../../shared/statistics.ts';
import { openVinoRuntimes } from './openvino-fixture.ts';

const SIDE = 64;
const ROWS = 24;
const folder = mkdtempSync(join(tmpdir(), 'stillhouse-weights-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('OpenVINO computes with them in float32', async () => {
  const uniform = mulberry32(7);
  const weights = Int8Array.from({ length: SIDE * SIDE }, () => Math.round(254 * uniform() - 127));
  const scales = Float32Array.from({ length: SIDE }, () => 0.001 + 0.01 * uniform());
  const x = Float32Array.from({ length: ROWS * SIDE }, () => 2 * uniform() - 1);
  writeFileSync(
    join(folder, 'openvino_model.bin'),
    Buffer.concat([new Uint8Array(weights.buffer), new Uint8Array(scales.buffer)]),
  );
  writeFileSync(join(folder, 'openvino_model.xml'), graph());
  const runtime = openVino(findOpenVino([await openVinoRuntimes()]) ?? '');
  const session = await runtime.load(join(folder, 'openvino_model.xml'), { threads: 1 });
  const { y } = await session.run({ x: { type: 'float32', dims: [ROWS, SIDE], data: x } });
  const wanted = Float32Array.from({ length: ROWS * SIDE }, (_, i) => {
    const [row, column] = [Math.floor(i / SIDE), i % SIDE];
    const products = Array.from({ length: SIDE }, (_, k) => at(x, row, k) * at(weights, column, k));
    return products.reduce((sum, product) => sum + product, 0) * (scales[column] as number);
  });
  const largest = Math.max(...wanted.map(Math.abs));
  const worst = Math.max(...wanted.map((value, i) => Math.abs(value - Number(y?.data[i]))));
  // Rounded in groups of 32, as OpenVINO would by itself on a processor that multiplies bytes, it is 5e-3.
  expect(worst / largest).toBeLessThan(1e-5);
  await session.close();
});

const at = (values: Float32Array | Int8Array, row: number, column: number) => values[row * SIDE + column] as number;

/** x · (weights · scales)ᵀ, a scale for each row of the weights. */
function graph(): string {
  const dims = (...sizes: number[]) => sizes.map((size) => `<dim>${size}</dim>`).join('');
  const port = (id: number, ...sizes: number[]) => `<port id="${id}" precision="FP32">${dims(...sizes)}</port>`;
  const constant = (id: number, type: string, shape: string, offset: number, size: number) =>
    `<layer id="${id}" name="c${id}" type="Const" version="opset1"><data element_type="${type}" shape="${shape}" offset="${offset}" size="${size}"/>` +
    `<output><port id="0" precision="${type === 'i8' ? 'I8' : 'FP32'}">${dims(...shape.split(',').map(Number))}</port></output></layer>`;
  return `<?xml version="1.0"?><net name="matrix" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data shape="${ROWS},${SIDE}" element_type="f32"/><output><port id="0" precision="FP32" names="x">${dims(ROWS, SIDE)}</port></output></layer>
${constant(1, 'i8', `${SIDE},${SIDE}`, 0, SIDE * SIDE)}
<layer id="2" name="whole" type="Convert" version="opset1"><data destination_type="f32"/><input><port id="0" precision="I8">${dims(SIDE, SIDE)}</port></input><output>${port(1, SIDE, SIDE)}</output></layer>
${constant(3, 'f32', `${SIDE},1`, SIDE * SIDE, SIDE * 4)}
<layer id="4" name="scaled" type="Multiply" version="opset1"><data auto_broadcast="numpy"/><input>${port(0, SIDE, SIDE)}${port(1, SIDE, 1)}</input><output>${port(2, SIDE, SIDE)}</output></layer>
<layer id="5" name="y" type="MatMul" version="opset1"><data transpose_a="false" transpose_b="true"/><input>${port(0, ROWS, SIDE)}${port(1, SIDE, SIDE)}</input><output><port id="2" precision="FP32" names="y">${dims(ROWS, SIDE)}</port></output></layer>
<layer id="6" name="out" type="Result" version="opset1"><input>${port(0, ROWS, SIDE)}</input></layer>
</layers><edges>
<edge from-layer="1" from-port="0" to-layer="2" to-port="0"/><edge from-layer="2" from-port="1" to-layer="4" to-port="0"/>
<edge from-layer="3" from-port="0" to-layer="4" to-port="1"/><edge from-layer="0" from-port="0" to-layer="5" to-port="0"/>
<edge from-layer="4" from-port="2" to-layer="5" to-port="1"/><edge from-layer="5" from-port="2" to-layer="6" to-port="0"/>
</edges></net>`;
}
