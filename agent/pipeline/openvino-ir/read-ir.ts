// What the .xml of an OpenVINO IR says of itself: its constants, inputs, and whose operators it uses. Read by its patterns as
// OpenVINO writes them; a file that is written otherwise shows less here, and OpenVINO's own reader judges it.

export interface IrConstant {
  readonly layer: string;
  /** As OpenVINO names it: f32, i64, u4. */
  readonly type: string;
  readonly dims: readonly number[];
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface IrFile {
  /** To its last tag. */
  readonly isWhole: boolean;
  readonly declaresEntities: boolean;
  readonly layers: number;
  readonly constants: readonly IrConstant[];
  /** Only their fixed dimensions. */
  readonly inputs: readonly { readonly layer: string; readonly dims: readonly number[] }[];
  /** Types of layers that come from libraries of operators. */
  readonly foreign: readonly string[];
}

const LAYER = /<layer ([^>]*)>(?:\s*<data ([^>]*?)\/?>)?/g;
/** An operator set of a library that somebody would have to load. */
const FOREIGN = 'extension';

export function readIr(text: string): IrFile {
  const constants: IrConstant[] = [];
  const inputs: { layer: string; dims: readonly number[] }[] = [];
  const foreign = new Set<string>();
  let layers = 0;
  for (const [, head = '', data = ''] of text.matchAll(LAYER)) {
    layers++;
    const { name: layer = '', type = '', version } = attributes(head);
    if (version === FOREIGN) foreign.add(type);
    if (type === 'Const') constants.push(constant(layer, attributes(data)));
    if (type === 'Parameter') inputs.push({ layer, dims: numbers(attributes(data).shape).filter((size) => size >= 0) });
  }
  return {
    isWhole: /<\/net>\s*$/.test(text.slice(-100)),
    declaresEntities: text.includes('<!DOCTYPE'),
    ...{ layers, constants, inputs, foreign: [...foreign] },
  };
}

type Attributes = Readonly<Partial<Record<string, string>>>;

const attributes = (text: string): Attributes =>
  Object.fromEntries([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));

const constant = (layer: string, { element_type: type = '', shape, offset, size }: Attributes): IrConstant => ({
  ...{ layer, type, dims: numbers(shape) },
  ...{ offsetBytes: Number(offset ?? Number.NaN), sizeBytes: Number(size ?? Number.NaN) },
});

/** A free dimension ("?", "1..4") is no number: NaN. */
const numbers = (shape = ''): number[] => (shape.trim() === '' ? [] : shape.split(',').map(Number));
