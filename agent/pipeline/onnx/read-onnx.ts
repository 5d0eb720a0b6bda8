// What an ONNX file says of itself, read without a runtime: its weights and where they lie, and whose operators it uses.
// Source: onnx.proto3 (ModelProto and below).
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { type Field, ProtoReader, type Visitors } from './proto-reader.ts';

export interface OnnxWeights {
  readonly name: string;
  /** Of TensorProto.DataType. */
  readonly type: number;
  readonly dims: readonly number[];
  /** In a file beside the graph; `lengthBytes` is null where it is left out. */
  readonly external: {
    readonly location: string;
    readonly offsetBytes: number;
    readonly lengthBytes: number | null;
  } | null;
  /** Of the numbers, where they stand in the graph as raw bytes; else 0. */
  readonly rawBytes: number;
  /** Where those begin in the file; else null. */
  readonly rawAt: number | null;
}

export interface OnnxNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface OnnxFile {
  readonly sizeBytes: number;
  readonly hasGraph: boolean;
  readonly weights: readonly OnnxWeights[];
  /** `domain:operator`, each once; the domain of ONNX itself is empty. */
  readonly operators: readonly string[];
  /** Where they were asked for; else none. */
  readonly nodes: readonly OnnxNode[];
  /** Domains of functions that the file itself defines. */
  readonly functionDomains: readonly string[];
}

/** Graphs in graphs (bodies of loops); deeper than any exporter goes. */
const DEEPEST = 16;
const EXTERNAL = 1;

/** @throws RangeError for a file that is no protocol buffer to its end, Error of the file system */
export function readOnnx(path: string, { withNodes = false } = {}): OnnxFile {
  // A pipe would be waited for without end.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw new RangeError('this is no file');
    const { size } = found;
    return new OnnxReader(fd, withNodes).read(size);
  } finally {
    closeSync(fd);
  }
}

class OnnxReader {
  private readonly reader: ProtoReader;
  private readonly weights: OnnxWeights[] = [];
  private readonly operators = new Set<string>();
  private readonly functionDomains = new Set<string>();
  private readonly nodes: OnnxNode[] = [];
  private readonly withNodes: boolean;
  private hasGraph = false;

  constructor(fd: number, withNodes: boolean) {
    this.reader = new ProtoReader(fd);
    this.withNodes = withNodes;
  }

  read(sizeBytes: number): OnnxFile {
    this.reader.message(sizeBytes, {
      7: (field) => {
        this.hasGraph = true;
        this.graph(field, 0);
      },
      25: (field) => this.functionOf(field),
    });
    const { hasGraph, weights, nodes } = this;
    const [operators, functionDomains] = [[...this.operators], [...this.functionDomains]];
    return { sizeBytes, hasGraph, weights, nodes, operators, functionDomains };
  }

  private inside(field: Field, visitors: Visitors): void {
    if ('end' in field) this.reader.message(field.end, visitors);
    else throw new RangeError('has a number where a message belongs');
  }

  private text(field: Field): string {
    if ('end' in field) return this.reader.text(field.end);
    throw new RangeError('has a number where a text belongs');
  }

  private graph(field: Field, depth: number): void {
    if (depth > DEEPEST) throw new RangeError(`holds graphs in graphs, more than ${DEEPEST} deep`);
    this.inside(field, { 1: (node) => this.node(node, depth), 5: (tensor) => this.tensor(tensor) });
  }

  private node(field: Field, depth: number): void {
    let [name, operator, domain] = ['', '', ''];
    const [inputs, outputs]: [string[], string[]] = [[], []];
    const names: Visitors = !this.withNodes
      ? {}
      : {
          1: (value: Field) => inputs.push(this.text(value)),
          2: (value: Field) => outputs.push(this.text(value)),
          3: (value: Field) => {
            name = this.text(value);
          },
        };
    this.inside(field, {
      ...names,
      4: (value) => {
        operator = this.text(value);
      },
      5: (attribute) => this.attribute(attribute, depth),
      7: (value) => {
        domain = this.text(value);
      },
    });
    if (this.withNodes) this.nodes.push({ name, operator, inputs, outputs });
    this.operators.add(`${domain === 'ai.onnx' ? '' : domain}:${operator}`);
  }

  private attribute(field: Field, depth: number): void {
    const graph = (inner: Field) => this.graph(inner, depth + 1);
    const tensor = (inner: Field) => this.tensor(inner);
    this.inside(field, { 5: tensor, 6: graph, 10: tensor, 11: graph });
  }

  private functionOf(field: Field): void {
    this.inside(field, {
      7: (node) => this.node(node, 1),
      10: (name) => this.functionDomains.add(this.text(name)),
    });
  }

  private tensor(field: Field): void {
    const dims: number[] = [];
    const places = new Map<string, string>();
    let [type, name, rawBytes, location] = [0, '', 0, 0];
    let rawAt: number | null = null;
    this.inside(field, {
      1: (size) => dims.push(...('value' in size ? [size.value] : this.reader.packed(size.end))),
      2: (value) => {
        type = 'value' in value ? value.value : 0;
      },
      8: (text) => {
        name = this.text(text);
      },
      9: (raw) => {
        rawBytes = 'end' in raw ? this.reader.bytesTo(raw.end) : 0;
        rawAt = 'end' in raw ? raw.end - rawBytes : null;
      },
      13: (entry) => this.place(entry, places),
      14: (value) => {
        location = 'value' in value ? value.value : 0;
      },
    });
    const external = location === EXTERNAL || places.size > 0 ? externalOf(places) : null;
    this.weights.push({ name, type, dims, external, rawBytes, rawAt });
  }

  private place(field: Field, places: Map<string, string>): void {
    let [key, value] = ['', ''];
    this.inside(field, {
      1: (text) => {
        key = this.text(text);
      },
      2: (text) => {
        value = this.text(text);
      },
    });
    places.set(key, value);
  }
}

function externalOf(places: ReadonlyMap<string, string>): NonNullable<OnnxWeights['external']> {
  const length = places.get('length');
  return {
    location: places.get('location') ?? '',
    offsetBytes: Number(places.get('offset') ?? 0),
    lengthBytes: length === undefined ? null : Number(length),
  };
}
