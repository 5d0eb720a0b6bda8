import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { irFault } from './ir-fault.ts';
import { readIr } from './read-ir.ts';
import { weighIr } from './weigh-ir.ts';

const FIXTURE = fileURLToPath(new URL('../../../test/fixtures/shapes-tiny-openvino/unet/', import.meta.url));
const real = gunzipSync(readFileSync(`${FIXTURE}openvino_model.xml.gz`)).toString();
const weightsBytes = readFileSync(`${FIXTURE}openvino_model.bin`).length;

const faultOf = (text: string, bytes: number | null = weightsBytes) => irFault(readIr(text), bytes);
const FIRST = '<data element_type="f16" shape="16, 3, 8, 8" offset="0" size="6144" />';
const first = (from: string, to: string) => real.replace(FIRST, FIRST.replace(from, to));

describe('a real graph', () => {
  it('is found sound, with every constant and input that it has', () => {
    const file = readIr(real);
    expect(irFault(file, weightsBytes)).toBeNull();
    expect(file.constants).toHaveLength(real.match(/type="Const"/g)?.length ?? 0);
    expect(file.inputs.map(({ layer }) => layer)).toEqual(['sample', 'timestep', 'encoder_hidden_states']);
    const weighed = weighIr(file.constants);
    expect(weighed.reduce((sum, { elements }) => sum + elements, 0)).toBeGreaterThan(100_000);
    expect(new Set(weighed.map(({ precision }) => precision))).toContain('fp16');
  });

  it('is refused when it is cut anywhere', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: real.trimEnd().length - 1 }), (length) => {
        expect(faultOf(real.slice(0, length))).toMatch('is empty, cut short, or no OpenVINO graph');
      }),
      { numRuns: 50 },
    );
  });

  it('never hangs when bytes are changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(real.length - 1), fc.constantFrom(...'<>"/=& \n09?-,')), { minLength: 1 });
    fc.assert(
      fc.property(changes, (list) => {
        const copy = [...real];
        for (const [at, character] of list) copy[at] = character;
        faultOf(copy.join(''));
      }),
      { numRuns: 20 },
    );
  });
});

describe('a hostile graph is refused', () => {
  it.each<[string, string, RegExp]>([
    ['other bytes', 'GIF89a', /no OpenVINO graph/],
    ['entities', real.replace('<net ', '<!DOCTYPE l [<!ENTITY a "aaaa">]><net '), /declares a document type/],
    [
      'an operator of a library',
      real.replace('type="Convolution" version="opset1"', 'type="Run" version="extension"'),
      /operator Run of a library; libraries of operators are never loaded/,
    ],
    [
      'a huge input',
      real.replace('shape="?,3,32,32"', 'shape="?,3,2000000,2000000"'),
      /input "sample" has .*no device/,
    ],
    ['an input without sense', real.replace('shape="?,3,32,32"', 'shape="1e400,3"'), /no device can hold/],
    ['a huge constant', first('16, 3, 8, 8', '4294967296, 4294967296'), /4294967296 × 4294967296, which no device/],
    ['a constant of negative size', first('16, 3, 8, 8', '-16, -3, 8, 8'), /no device can hold/],
    ['fewer bytes than a shape needs', first('6144', '8'), /has 8 bytes, .* 16 × 3 × 8 × 8 of f16 need 6144/],
    ['weights beyond their file', first('offset="0"', 'offset="99999999"'), /99999999 to 100006143 of the .bin file/],
    [
      'an offset that wraps around',
      first('offset="0"', 'offset="18446744073709551000"'),
      /of the .bin file, which has/,
    ],
    ['a negative offset', first('offset="0"', 'offset="-6144"'), /lies at bytes -6144/],
    ['no offset', first('offset="0" ', ''), /lies at bytes NaN/],
  ])('with %s', (_, text, why) => expect(faultOf(text)).toMatch(why));

  it('with weights cut short, and with none', () => {
    expect(faultOf(real, 6000)).toMatch('lies at bytes 0 to 6144 of the .bin file, which has 6000');
    expect(faultOf(real, null)).toMatch('which is missing');
  });

  it('with layers without end', () => {
    const layers = '<layer id="9" name="n" type="Relu" version="opset1">'.repeat(200_001);
    expect(faultOf(`<net>${layers}</net>`)).toMatch('has 200001 layers');
  });
});
