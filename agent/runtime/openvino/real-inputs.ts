// optimum-intel traces a UNet with a whole timestep and leaves the graph with int64 there, though all that it does with it is to
// turn it into float32. Schedulers that go between the steps of training (749.25) would be rounded without a word.

const ELEMENT = /(<data\b[^>]*\belement_type=")i(?:64|32)(")/;

/**
 * @param xml the text of the .xml file
 * @param names of inputs
 * @returns the text in which those of them that take whole numbers take float32; null where none does
 */
export function withRealInputs(xml: string, names: readonly string[]): string | null {
  const changed = xml.replace(/<layer\b[^>]*\btype="Parameter"[^>]*>[\s\S]*?<\/layer>/g, (layer) => {
    const name = /^<layer\b[^>]*\bname="([^"]*)"/.exec(layer)?.[1];
    return name !== undefined && names.includes(name) ? layer.replace(ELEMENT, '$1f32$2') : layer;
  });
  return changed === xml ? null : changed;
}
