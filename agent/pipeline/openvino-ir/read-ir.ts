// What the .xml of an OpenVINO IR says of itself: its constants, inputs, and whose operators it uses. OpenVINO reads it by
// pugixml, which forgives much and tells UTF-16 by its first bytes. This reader is strict, so that nothing stands in a file for
// that one to find which this one has not seen: what is no well-formed XML in UTF-8 is refused.
import { type SaxesAttributePlain, SaxesParser } from 'saxes';
import { limits } from '../../../shared/limits.ts';

export interface IrConstant {
  readonly layer: string;
  /** As OpenVINO names it: f32, i64, u4. */
  readonly type: string;
  readonly dims: readonly number[];
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Of the graph itself, not of the bodies of its loops. */
export interface IrLayer {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  /** Of a MatMul: whether its second matrix is [outputs, inputs]. */
  readonly transposesSecond: boolean;
  readonly constant: IrConstant | null;
}

/** From a layer's only output, or one of them, to an input of another. */
export interface IrEdge {
  readonly from: string;
  readonly to: string;
  readonly toPort: number;
}

export interface IrFile {
  readonly constants: readonly IrConstant[];
  /** Only their fixed dimensions. */
  readonly inputs: readonly { readonly layer: string; readonly dims: readonly number[] }[];
  /** Types of layers that come from libraries of operators. */
  readonly foreign: readonly string[];
  /** Where they were asked for; else none. */
  readonly layers: readonly IrLayer[];
  readonly edges: readonly IrEdge[];
}

/** An operator set of a library that somebody would have to load. */
const FOREIGN = 'extension';
/** Bodies of loops lie five elements deeper than what holds them. */
const DEEPEST = 100;
/** Layers and edges lie in lists of the one net; those of a body lie in a net of its own. */
const IN_THE_GRAPH = 2;
const CHUNK_BYTES = 64 * 1024;

type Attributes = ReadonlyMap<string, string>;

interface OpenElement {
  readonly name: string;
  readonly attributes: Attributes;
  /** Of a layer: its first `data`, the one that OpenVINO reads. */
  data: Attributes | null;
}

/** @throws Error that says what is wrong with the file */
export function readIr(bytes: Uint8Array, { withLayers = false } = {}): IrFile {
  const reader = new LayerReader(withLayers);
  // Positions would be counted for each character.
  const parser = new SaxesParser({ position: false });
  parser.on('doctype', () => {
    throw new Error('declares a document type, which no exporter writes');
  });
  parser.on('opentagstart', () => reader.begin());
  parser.on('attribute', (attribute) => reader.attribute(attribute));
  parser.on('opentag', ({ name }) => reader.open(name));
  parser.on('closetag', () => reader.close());
  parser.on('error', (cause) => {
    const what = cause.message.replace(/\.$/, '');
    throw new Error(`is empty, cut short, or no OpenVINO graph: ${what}`, { cause });
  });
  for (const piece of decoded(bytes)) parser.write(piece);
  parser.close();
  return reader.found();
}

function* decoded(bytes: Uint8Array): Generator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
      yield decoder.decode(bytes.subarray(at, at + CHUNK_BYTES), { stream: true });
    yield decoder.decode();
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new Error('is no text in UTF-8, in which OpenVINO writes its graphs', { cause });
  }
}

/** Follows the elements, and keeps of them what is asked of a graph. */
class LayerReader {
  private readonly constants: IrConstant[] = [];
  private readonly inputs: { layer: string; dims: readonly number[] }[] = [];
  private readonly foreign = new Set<string>();
  private readonly kept: IrLayer[] = [];
  private readonly edges: IrEdge[] = [];
  private readonly withLayers: boolean;
  private readonly opened: OpenElement[] = [];
  private attributes = new Map<string, string>();
  private layers = 0;

  constructor(withLayers: boolean) {
    this.withLayers = withLayers;
  }

  begin(): void {
    this.attributes = new Map();
  }

  attribute({ name, value }: SaxesAttributePlain): void {
    // Of two alike OpenVINO takes the first, other readers the last.
    if (this.attributes.has(name)) throw new Error(`says "${name}" twice of one element`);
    this.attributes.set(name, value);
  }

  open(name: string): void {
    const parent = this.opened.at(-1);
    if (!parent && name !== 'net') throw new Error(`is no OpenVINO graph: it begins with <${name}>`);
    if (name === 'layer' && ++this.layers > limits.graphLayers)
      throw new Error(`has more than ${limits.graphLayers} layers, which are not taken`);
    if (name === 'data' && parent?.name === 'layer') parent.data ??= this.attributes;
    if (this.opened.push({ name, attributes: this.attributes, data: null }) > DEEPEST)
      throw new Error(`has elements within elements, more than ${DEEPEST} deep`);
  }

  close(): void {
    const closed = this.opened.pop();
    if (closed?.name === 'layer') this.keep(closed);
    if (closed?.name === 'edge' && this.wanted) this.keepEdge(closed.attributes);
  }

  found(): IrFile {
    const { constants, inputs, foreign, kept: layers, edges } = this;
    return { constants, inputs, foreign: [...foreign], layers, edges };
  }

  /** Of what was closed just now. */
  private get wanted(): boolean {
    return this.withLayers && this.opened.length === IN_THE_GRAPH;
  }

  private keepEdge(edge: Attributes): void {
    const [from, to] = [edge.get('from-layer') ?? '', edge.get('to-layer') ?? ''];
    this.edges.push({ from, to, toPort: Number(edge.get('to-port')) });
  }

  private keep({ attributes, data }: OpenElement): void {
    const [layer, type] = [attributes.get('name') ?? '', attributes.get('type') ?? ''];
    if (attributes.get('version') === FOREIGN) this.foreign.add(type);
    const made = type === 'Const' ? constant(layer, data ?? new Map()) : null;
    if (made) this.constants.push(made);
    if (this.wanted) {
      const transposesSecond = data?.get('transpose_b') === 'true';
      this.kept.push({ id: attributes.get('id') ?? '', name: layer, type, transposesSecond, constant: made });
    }
    if (type === 'Parameter')
      this.inputs.push({ layer, dims: numbers(data?.get('shape')).filter((size) => size >= 0) });
  }
}

const constant = (layer: string, data: Attributes): IrConstant => ({
  ...{ layer, type: data.get('element_type') ?? '', dims: numbers(data.get('shape')) },
  ...{ offsetBytes: Number(data.get('offset') ?? Number.NaN), sizeBytes: Number(data.get('size') ?? Number.NaN) },
});

/** A free dimension ("?", "1..4") is no number: NaN. */
const numbers = (shape = ''): number[] => (shape.trim() === '' ? [] : shape.split(',').map(Number));
