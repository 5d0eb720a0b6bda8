// The other side of picture.ts: nothing but the runtime and the graphs, in a process of its own. For every number
// N that comes in, one text encoding and N denoising steps run, and their milliseconds go back.
import { join } from 'node:path';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';

const [folder = '', threads = '1', name = 'onnxruntime', libraries = ''] = process.argv.slice(2);
const runtime = await openRuntime(name === 'openvino' ? name : 'onnxruntime', libraries || null);
const options = { threads: Number(threads) };
const textEncoder = await runtime.load(join(folder, 'text_encoder', runtime.graphFile), options);
const unet = await runtime.load(join(folder, 'unet', runtime.graphFile), options);

const lengthOf = (dims: readonly (number | string)[]) => dims.map((size) => (typeof size === 'number' ? size : 1));
const dimsOf = (session: typeof unet, name: string) =>
  lengthOf(session.inputs.find((input) => input.name === name)?.dims ?? []);
const count = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);

const idDims = dimsOf(textEncoder, 'input_ids');
const ids = { type: 'int64', dims: idDims, data: new BigInt64Array(count(idDims)) } as const;
const sampleDims = dimsOf(unet, 'sample');
const values = Float32Array.from({ length: count(sampleDims) }, (_, i) => Math.sin(i));
const sample = { type: 'float32', dims: sampleDims, data: values } as const;

async function bareMs(steps: number): Promise<number> {
  const startedAt = performance.now();
  const words = (await textEncoder.run({ input_ids: ids })).last_hidden_state;
  if (!words) throw new Error('the text encoder gave no last_hidden_state');
  for (let step = 0; step < steps; step++) {
    const timestep = { type: 'float32', dims: [1], data: Float32Array.of(1000 - (step * 1000) / steps) } as const;
    await unet.run({ sample, timestep, encoder_hidden_states: words });
  }
  return performance.now() - startedAt;
}

process.on('message', async (steps) => process.send?.(await bareMs(Number(steps))));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
