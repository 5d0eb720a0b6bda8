import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readOnnx } from '../onnx/read-onnx.ts';
import { readIr } from '../openvino-ir/read-ir.ts';
import { irModulesOf } from './ir-modules.ts';
import { modulesOf } from './onnx-modules.ts';

const fixture = (path: string) => fileURLToPath(new URL(`../../../test/fixtures/${path}`, import.meta.url));
const modulesIn = (xml: string | Uint8Array) => irModulesOf(readIr(Buffer.from(xml), { withLayers: true }));

describe.each(['unet', 'text_encoder'])('the modules of a student, its %s', (part) => {
  const xml = gunzipSync(readFileSync(fixture(`shapes-tiny-openvino/${part}/openvino_model.xml.gz`)));
  const onnx = modulesOf(
    readOnnx(fixture(`shapes-tiny/1.0.0/onnxruntime-fp16/${part}/model.onnx`), { withNodes: true }),
  );

  it('are those of the ONNX graph, of its sizes', () => {
    const sizes = new Map(
      [...onnx].map(([module, [own]]) => [module, own?.transposed ? own.weight.dims.toReversed() : own?.weight.dims]),
    );
    const found = modulesIn(xml);
    expect(found.size).toBeGreaterThan(7);
    for (const [module, [own]] of found)
      expect([module, own?.transposed ? own.dims.toReversed() : own?.dims]).toEqual([module, sizes.get(module)]);
    // A depthwise filter may be reshaped before it is used.
    expect([...onnx.keys()].filter((module) => !found.has(module) && !module.endsWith('filter'))).toEqual([]);
  });
});

const layer = (id: number, name: string, type: string, data = '') =>
  `<layer id="${id}" name="${name}" type="${type}" version="opset1"><data ${data}/></layer>`;
const weight = (id: number) => layer(id, `c${id}`, 'Const', 'element_type="f16" shape="4, 8" offset="0" size="64"');
const edge = (from: number, to: number, port: number) =>
  `<edge from-layer="${from}" from-port="0" to-layer="${to}" to-port="${port}"/>`;
const net = (layers: string[], edges: string[]) =>
  `<net name="n" version="11"><layers>${layers.join('')}</layers><edges>${edges.join('')}</edges></net>`;
const NAME = '__module.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q/aten::linear/MatMul';
const matmul = (id: number, name: string, transposed = true) =>
  layer(id, name, 'MatMul', `transpose_a="false" transpose_b="${transposed}"`);

describe('a graph that PyTorch was traced to', () => {
  it('names its modules, and their weights are behind a conversion', () => {
    const found = modulesIn(
      net([weight(0), layer(1, 'k', 'Convert'), matmul(2, NAME)], [edge(0, 1, 0), edge(1, 2, 1)]),
    );
    expect([...found]).toMatchObject([
      ['down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q', [{ transposed: false, dims: [4, 8] }]],
    ]);
  });

  it('says which way a matrix is stored', () => {
    const found = modulesIn(net([weight(0), matmul(2, NAME, false)], [edge(0, 2, 1)]));
    expect([...found.values()]).toMatchObject([[{ transposed: true }]]);
  });

  it('keeps the four phases of a convolution together', () => {
    const path = '/up_blocks.0/upsamplers.0/conv/Conv';
    const layers = ['.00', '.01', '.10/WithoutBiases', '.11/WithoutBiases'].flatMap((phase, i) => [
      layer(2 * i, `c${i}`, 'Const', 'element_type="f32" shape="3, 5, 2, 2" offset="0" size="240"'),
      layer(2 * i + 1, `${path}${phase}`, 'Convolution'),
    ]);
    const found = modulesIn(
      net(
        layers,
        [0, 2, 4, 6].map((id) => edge(id, id + 1, 1)),
      ),
    );
    expect([...found.keys()]).toEqual(['up_blocks_0_upsamplers_0_conv']);
    expect(found.get('up_blocks_0_upsamplers_0_conv')?.map(({ phase }) => phase?.join(''))).toEqual([
      '00',
      '01',
      '10',
      '11',
    ]);
  });

  it.each([
    ['a weight that two modules share', [weight(0), matmul(1, NAME), matmul(2, NAME.replace('to_q', 'to_k'))]],
    ['a layer that is not named after a module', [weight(0), matmul(1, 'MatMul_17'), matmul(2, 'MatMul')]],
  ])('leaves out %s', (_, layers) => {
    expect([...modulesIn(net(layers, [edge(0, 1, 1), edge(0, 2, 1)]))]).toEqual([]);
  });

  it('ends at conversions in a circle', () => {
    const layers = [layer(0, 'k', 'Convert'), matmul(1, NAME)];
    expect([...modulesIn(net(layers, [edge(0, 0, 0), edge(0, 1, 1)]))]).toEqual([]);
  });
});
