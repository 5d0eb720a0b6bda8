// A version of any size with random weights: the fixture with a denoiser of plain convolutions, written as ONNX here, so
// that memory can be tested beyond the few megabytes that are worth committing.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineSpec } from '../../agent/engine/engine.ts';
import { mulberry32 } from '../../shared/statistics.ts';
import { FIXTURE, specOf } from './fixture.ts';

interface Size {
  readonly channels: number;
  readonly layers: number;
  readonly side: number;
  /** Weights in a file beside the graph, as exporters write them beyond two gigabytes. */
  readonly beside?: boolean;
}

/** A copy of the fixture in a temporary folder with that denoiser; `channels² · 9 · layers` parameters, more or less. */
export function randomVersion(size: Size): EngineSpec {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-random-'));
  cpSync(FIXTURE, folder, { recursive: true });
  const spec = specOf(folder);
  const unet = join(folder, spec.variant.folder, 'unet');
  rmSync(join(unet, 'model.onnx'));
  mkdirSync(unet, { recursive: true });
  const { graph, weights } = convolutions(size);
  writeFileSync(join(unet, 'model.onnx'), graph);
  if (size.beside) writeFileSync(join(unet, 'model.onnx_data'), weights);
  writeFileSync(join(unet, 'config.json'), JSON.stringify({ sample_size: size.side }));
  const resolution = { width: size.side, height: size.side };
  const path = `${spec.variant.folder}/unet/model.onnx`;
  const files = [
    { path, sizeBytes: graph.length },
    ...(size.beside ? [{ path: `${path}_data`, sizeBytes: weights.length }] : []),
  ];
  const others = spec.manifest.artifacts.filter((artifact) => artifact.path !== path);
  const artifacts = [...others, ...files.map((file) => ({ ...file, sha256: '0'.repeat(64) }))];
  return {
    ...spec,
    manifest: { ...spec.manifest, artifacts },
    variant: { ...spec.variant, artifacts: artifacts.map((artifact) => artifact.path), resolution, steps: 2 },
  };
}

/** A U-Net of Stable Diffusion's inputs that gives its sample back: what a run takes with it is everything but the graph. */
export function passThrough(channels: number, textWidth: number): Buffer {
  const node = message(1, [text(1, 'sample'), text(2, 'out_sample'), text(4, 'Identity')]);
  const inputs = [
    value(11, 'sample', [0, channels, 0, 0]),
    value(11, 'timestep', [0]),
    value(11, 'encoder_hidden_states', [0, 0, textWidth]),
  ];
  const graph = [node, text(2, 'pass-through'), ...inputs, value(12, 'out_sample', [0, channels, 0, 0])];
  return Buffer.concat([integer(1, 8), message(7, graph), message(8, [integer(2, 17)])]);
}

/** A LoRA that adds to one of its layers but the first and the last. */
export const randomAdapter = ({ channels }: Pick<Size, 'channels'>, layer: number): Buffer =>
  adapterFile([{ module: `unet.conv_${layer}`, down: [1, channels, 3, 3], up: [channels, 1, 1, 1] }]);

/** A LoRA of random numbers in safetensors, under the names of peft. */
export function adapterFile(modules: readonly { module: string; down: number[]; up: number[] }[]): Buffer {
  const header: Record<string, unknown> = {};
  const data: Buffer[] = [];
  let written = 0;
  const write = (name: string, shape: number[]) => {
    const numbers = noise(
      shape.reduce((product, size) => product * size, 1),
      data.length + 1,
    );
    header[name] = { dtype: 'F32', shape, data_offsets: [written, written + numbers.length] };
    written += numbers.length;
    data.push(numbers);
  };
  for (const { module, down, up } of modules) {
    write(`${module}.lora_A.weight`, down);
    write(`${module}.lora_B.weight`, up);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...data]);
}

/** onnx.proto3: a chain of 3×3 convolutions from 3 channels to 3. */
function convolutions({ channels, layers, side, beside = false }: Size): { graph: Buffer; weights: Buffer } {
  const widths = [3, ...new Array<number>(layers).fill(channels), 3];
  const names = widths.map((_, i) => (i === 0 ? 'sample' : i === layers + 1 ? 'out_sample' : `x${i}`));
  const nodes: Buffer[] = [];
  const weights: Buffer[] = [];
  const data: Buffer[] = [];
  let written = 0;
  for (let i = 0; i <= layers; i++) {
    const [from, to] = [widths[i] as number, widths[i + 1] as number];
    nodes.push(
      message(1, [
        text(1, names[i] as string),
        text(1, `w${i}`),
        text(2, names[i + 1] as string),
        text(3, `/network/conv_${i}/Conv`),
        text(4, 'Conv'),
        ints('pads', [1, 1, 1, 1]),
      ]),
    );
    const values = noise(to * from * 9, i);
    weights.push(
      message(5, [
        ...[to, from, 3, 3].map((dim) => integer(1, dim)),
        integer(2, 1),
        text(8, `w${i}`),
        ...(beside ? external(written, values.length) : [bytes(9, values)]),
      ]),
    );
    data.push(values);
    written += values.length;
  }
  const inputs = [
    value(11, 'sample', [0, 3, side, side]),
    value(11, 'timestep', [0]),
    value(11, 'encoder_hidden_states', [0, 24, 48]),
  ];
  const graph = [...nodes, text(2, 'random'), ...weights, ...inputs, value(12, 'out_sample', [0, 3, side, side])];
  return {
    graph: Buffer.concat([integer(1, 8), message(7, graph), message(8, [integer(2, 17)])]),
    weights: Buffer.concat(data),
  };
}

/** `external_data` and `data_location` EXTERNAL of a TensorProto. */
const external = (offset: number, length: number): Buffer[] => [
  ...Object.entries({ location: 'model.onnx_data', offset, length }).map(([key, entry]) =>
    message(13, [text(1, key), text(2, `${entry}`)]),
  ),
  integer(14, 1),
];

function noise(count: number, seed: number): Buffer {
  const uniform = mulberry32(seed);
  return Buffer.from(Float32Array.from({ length: count }, () => (uniform() - 0.5) * 0.02).buffer);
}

/** A float32 input or output; 0 stands for a free dimension. */
function value(field: number, name: string, dims: readonly number[]): Buffer {
  const shape = dims.map((dim, axis) => message(1, [dim === 0 ? text(2, `${name}${axis}`) : integer(1, dim)]));
  return message(field, [text(1, name), message(2, [message(1, [integer(1, 1), message(2, shape)])])]);
}

const ints = (name: string, values: readonly number[]): Buffer =>
  message(5, [text(1, name), ...values.map((one) => integer(8, one)), integer(20, 7)]);

/** Protocol buffers' wire format: a key of field and type, then a varint or a length and bytes. */
const integer = (field: number, number: number): Buffer => Buffer.concat([varint(field << 3), varint(number)]);
const bytes = (field: number, content: Buffer): Buffer =>
  Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
const text = (field: number, content: string): Buffer => bytes(field, Buffer.from(content));
const message = (field: number, parts: readonly Buffer[]): Buffer => bytes(field, Buffer.concat(parts));

function varint(number: number): Buffer {
  const out: number[] = [];
  for (let rest = number; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...out, rest]);
    out.push((rest % 128) | 128);
  }
}
