// Damaged and hostile graphs of OpenVINO, in a real engine: refused with the file and a reason, as those of ONNX Runtime are.
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { EngineFault } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { clockOf } from './fixture.ts';
import { openVinoRuntimes, openVinoSpec } from './openvino-fixture.ts';

const whole = openVinoSpec();
const launcher = createEngineLauncher({ clock: clockOf(), log: () => {}, runtimeFolders: [await openVinoRuntimes()] });

let folder = '';
afterEach(() => rmSync(folder, { recursive: true, force: true }));
afterAll(() => rmSync(whole.folder, { recursive: true, force: true }));

type Damage = (graph: string) => void;

async function failed(damage: Damage): Promise<{ code: string; message: string }> {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-damaged-'));
  cpSync(whole.folder, folder, { recursive: true });
  damage(join(folder, whole.variant.folder, 'unet/openvino_model.xml'));
  try {
    await (await launcher.launch({ ...whole, folder }, { threads: 1 })).close();
    return { code: 'none', message: 'it was loaded' };
  } catch (fault) {
    expect(fault).toBeInstanceOf(EngineFault);
    return fault as EngineFault;
  }
}

const bin = (graph: string) => graph.replace('.xml', '.bin');
const text =
  (from: string | RegExp, to: string): Damage =>
  (graph) => {
    const before = readFileSync(graph, 'utf8');
    const after = before.replace(from, to);
    if (after === before) throw new Error(`${from} is not in the graph`);
    writeFileSync(graph, after);
  };
const CONST = '<data element_type="f16" shape="16, 3, 8, 8" offset="0" size="6144" />';

describe('a graph is refused', () => {
  it.each<[string, Damage, RegExp]>([
    ['that is cut short', (graph) => truncateSync(graph, 20_000), /cut short/],
    ['that is missing', (graph) => rmSync(graph), /is missing/],
    ['that ends well and is cut within', (graph) => writeFileSync(graph, cutWithin(graph)), /no OpenVINO graph: un/],
    ['whose weights are missing', (graph) => rmSync(bin(graph)), /the \.bin file beside the graph, which is missing/],
    ['whose weights are cut short', (graph) => truncateSync(bin(graph), 6000), /of the \.bin file, which has 6000/],
    ['with a type that nobody knows', text(CONST, CONST.replace('f16', 'f99')), /"f99" is not a member/],
    ['with text that reaches beyond itself', text(CONST, CONST.replace('f16', 'string')), /string tensor format/],
    ['with a shape that does not fit', text('shape="?,3,32,32"', 'shape="?,4,32,32"'), /channel count \(4\)/],
    ['with an operator that nobody knows', text('type="Convolution"', 'type="Konvolution"'), /Konvolution/],
    [
      'with operators of a file',
      text('type="Convolution" version="opset1"', 'type="Convolution" version="/tmp/operators.so"'),
      /unsupported opset: \/tmp\/operators\.so/,
    ],
    ['with an edge to nowhere', text('to-layer="1044"', 'to-layer="99999"'), /inconsistent/],
    ['with an edge in a circle', text('<edge from-layer="1042"', '<edge from-layer="1057"'), /./],
    ['with two layers of one number', text('<layer id="2" ', '<layer id="1" '), /./],
    [
      'with 2000 dimensions',
      text('shape="?,24,48"', `shape="${Array(2000).fill(1).join()}"`),
      /… .*Incompatible MatMul/,
    ],
    ['without the output', text(/out_sample/g, 'out_simple'), /has no output "out_sample", only out_simple/],
    ['that unfolds into more memory than there is', unfoldsInto(2n ** 42n), /./],
  ])(
    '%s',
    async (_, damage, why) => {
      const fault = await failed(damage);
      expect(fault).toMatchObject({ code: 'load_failed', message: expect.stringMatching(why) });
      expect(fault.message).toContain('unet/openvino_model.xml');
    },
    60_000,
  );
});

function cutWithin(graph: string): string {
  const before = readFileSync(graph, 'utf8');
  return `${before.slice(0, before.indexOf('</layer>', 50_000) + 8)}</net>`;
}

/** A number that is repeated so many times, and summed up: 32 bytes of weights. */
function unfoldsInto(elements: bigint): Damage {
  const port = (id: number, precision: string, dims: readonly (number | bigint)[], names = '') =>
    `<port id="${id}" precision="${precision}"${names && ` names="${names}"`}>${dims.map((dim) => `<dim>${dim}</dim>`).join('')}</port>`;
  const input = (id: number, name: string, dims: readonly number[]) =>
    `<layer id="${id}" name="${name}" type="Parameter" version="opset1"><data shape="${dims}" element_type="f32" /><output>${port(0, 'FP32', dims, name)}</output></layer>`;
  const constant = (id: number, [type, precision]: readonly [string, string], offset: number, size: number) =>
    `<layer id="${id}" name="c${id}" type="Const" version="opset1"><data element_type="${type}" shape="1" offset="${offset}" size="${size}" /><output>${port(0, precision, [1])}</output></layer>`;
  const node = (id: number, [type, version, data]: readonly [string, string, string], ports: string) =>
    `<layer id="${id}" name="n${id}" type="${type}" version="${version}"><data ${data} />${ports}</layer>`;
  const picture = [1, 3, 32, 32];
  const edge = (from: string, to: string) => {
    const [[fromLayer, fromPort], [toLayer, toPort]] = [from.split('.'), to.split('.')];
    return `<edge from-layer="${fromLayer}" from-port="${fromPort}" to-layer="${toLayer}" to-port="${toPort}" />`;
  };
  const layers = [
    input(0, 'sample', picture),
    input(1, 'timestep', [1]),
    input(2, 'encoder_hidden_states', [1, 24, 48]),
    constant(3, ['f32', 'FP32'], 0, 4),
    constant(4, ['i64', 'I64'], 8, 8),
    constant(5, ['i64', 'I64'], 16, 8),
    node(
      6,
      ['Broadcast', 'opset3', 'mode="numpy"'],
      `<input>${port(0, 'FP32', [1])}${port(1, 'I64', [1])}</input><output>${port(2, 'FP32', [elements])}</output>`,
    ),
    node(
      7,
      ['ReduceSum', 'opset1', 'keep_dims="true"'],
      `<input>${port(0, 'FP32', [elements])}${port(1, 'I64', [1])}</input><output>${port(2, 'FP32', [1])}</output>`,
    ),
    node(
      8,
      ['Add', 'opset1', 'auto_broadcast="numpy"'],
      `<input>${port(0, 'FP32', picture)}${port(1, 'FP32', [1])}</input><output>${port(2, 'FP32', picture, 'out_sample')}</output>`,
    ),
    `<layer id="9" name="out" type="Result" version="opset1"><input>${port(0, 'FP32', picture)}</input></layer>`,
  ];
  const edges = [
    edge('3.0', '6.0'),
    edge('4.0', '6.1'),
    edge('6.2', '7.0'),
    edge('5.0', '7.1'),
    edge('0.0', '8.0'),
    edge('7.2', '8.1'),
    edge('8.2', '9.0'),
  ];
  const weights = Buffer.alloc(32);
  weights.writeFloatLE(1, 0);
  weights.writeBigInt64LE(elements, 8);
  return (graph) => {
    writeFileSync(
      graph,
      `<?xml version="1.0"?><net name="small" version="11"><layers>${layers.join('')}</layers><edges>${edges.join('')}</edges></net>`,
    );
    writeFileSync(bin(graph), weights);
  };
}
