// `Float32Array.prototype.map` goes through a generic path that costs ten times the arithmetic of a step. What runs at every
// step is arithmetic over whole arrays (elementwise.ts) even so: this loop calls many functions, so that none of them can be
// inlined, which costs ten times the arithmetic once more.

/** A new array of the same length. */
export function mapValues(values: Float32Array, of: (value: number, i: number) => number): Float32Array<ArrayBuffer> {
  const found = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) found[i] = of(values[i] as number, i);
  return found;
}
