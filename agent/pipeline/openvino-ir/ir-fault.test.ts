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

const read = (text: string | Uint8Array) => readIr(Buffer.from(text));
const faultOf = (text: string | Uint8Array, bytes: number | null = weightsBytes): string | null => {
  try {
    return irFault(read(text), bytes);
  } catch (error) {
    return (error as Error).message;
  }
};
const FIRST = '<data element_type="f16" shape="16, 3, 8, 8" offset="0" size="6144" />';
const first = (from: string, to: string) => real.replace(FIRST, FIRST.replace(from, to));

describe('a real graph', () => {
  it('is found sound, with every constant and input that it has', () => {
    const file = read(real);
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
  it.each<[string, string | Uint8Array, RegExp]>([
    ['other bytes', 'GIF89a', /no OpenVINO graph/],
    ['entities', real.replace('<net ', '<!DOCTYPE l [<!ENTITY a "aaaa">]><net '), /declares a document type/],
    [
      'an outer document type',
      real.replace('<net ', '<!DOCTYPE net SYSTEM "file:///etc/passwd"><net '),
      /document type/,
    ],
    ['an entity that nothing declares', real.replace('name="sample"', 'name="&xxe;"'), /undefined entity/],
    [
      'an operator of a library',
      real.replace('type="Convolution" version="opset1"', 'type="Run" version="extension"'),
      /operator Run of a library; libraries of operators are never loaded/,
    ],
    [
      'one in single quotes',
      real.replace('type="Convolution" version="opset1"', "type='Run' version = 'extension'"),
      /operator Run of a library/,
    ],
    [
      'one behind an attribute with an angle in it',
      real.replace('type="Convolution" version="opset1"', 'note="a > b" type="Run" version="extension"'),
      /operator Run of a library/,
    ],
    [
      'one in references to characters',
      real.replace('type="Convolution" version="opset1"', 'type="Run" version="&#101;xtensio&#x6e;"'),
      /operator Run of a library/,
    ],
    [
      'one in the body of a loop',
      real.replace(
        '<layers>',
        '<layers><layer name="l" type="Loop"><body><layers><layer type="Run" version="extension"/></layers></body></layer>',
      ),
      /operator Run of a library/,
    ],
    [
      'an attribute twice, the harmless one last',
      real.replace('type="Convolution" version="opset1"', 'type="Run" version="extension" version="opset1"'),
      /says "version" twice/,
    ],
    ['UTF-16', Buffer.from(`\ufeff${real}`, 'utf16le'), /no text in UTF-8/],
    ['UTF-16 without a mark', Buffer.from(real, 'utf16le'), /no OpenVINO graph/],
    ['bytes of Latin-1', Buffer.from(real.replace('name="sample"', 'name="sämple"'), 'latin1'), /no text in UTF-8/],
    ['elements without end', `<net>${'<layer>'.repeat(1000)}`, /more than 100 deep/],
    ['tags that cross', real.replace('</layers>', '</edges>'), /no OpenVINO graph/],
    ['another root', `<other>${real.replace(/<\?xml.*?\?>/, '')}</other>`, /begins with <other>/],
    ['two roots', `${real}<net></net>`, /no OpenVINO graph/],
    ['nothing', '', /is empty/],
    [
      'a constant told elsewhere first',
      first('<data element_type', '<data element_type="f16" shape="1" offset="-2" size="2"/><data element_type'),
      /lies at bytes -2/,
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
    const layers = '<layer id="9" name="n" type="Relu" version="opset1"/>'.repeat(200_001);
    expect(faultOf(`<net>${layers}</net>`)).toMatch('has more than 200000 layers');
  });
});

describe('what is no layer', () => {
  const hidden = '<layer name="h" type="Run" version="extension"/>';
  it.each([
    ['a comment', `<!-- ${hidden} -->`],
    ['character data', `<![CDATA[ ${hidden} ]]>`],
    ['an instruction', `<?still ${hidden} ?>`],
    ['text', hidden.replaceAll('<', '&lt;')],
  ])('is passed by: %s', (_, text) => expect(faultOf(real.replace('<layers>', `<layers>${text}`))).toBeNull());

  it('and a mark of UTF-8 before it', () => expect(faultOf(`\ufeff${real}`)).toBeNull());
});

describe('a graph of many megabytes', () => {
  const layer = real.slice(real.indexOf('<layer '), real.indexOf('</layer>') + 8);
  const [before, behind] = ['<net name="n"><layers>', '</layers></net>'];

  it.each([
    ['layers', `${before}${layer.repeat(20_000)}${behind}`, null],
    ['one comment', `${before}<!-- ${'- '.repeat(4e6)} -->${behind}`, null],
    ['one attribute', `${before}<layer name="${'x'.repeat(8e6)}" type="Relu"/>${behind}`, null],
    [
      'attributes of one element',
      `${before}<layer ${Array.from({ length: 400_000 }, (_, i) => `a${i}="1"`).join(' ')}/>${behind}`,
      null,
    ],
    ['a tag that never ends', `${before}<layer ${'x'.repeat(8e6)}`, /no OpenVINO graph/],
    ['references to characters', `${before}<layer name="${'&#65;'.repeat(1.6e6)}"/>${behind}`, null],
  ])('is read in seconds of processor time: %s', (_, text, why) => {
    const before = process.cpuUsage();
    const fault = faultOf(text);
    const { user, system } = process.cpuUsage(before);
    if (why) expect(fault).toMatch(why);
    else expect(fault).toBeNull();
    expect((user + system) / 1e6).toBeLessThan(5);
  });
});
