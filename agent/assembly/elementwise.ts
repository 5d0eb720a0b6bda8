// AssemblyScript: float32 arithmetic over a chunk of values, four at a time, each operation rounded by itself.
// `npm run assembly` compiles it; agent/pipeline/elementwise.ts runs it.

/** 2048 values. */
export const CHUNK_BYTES: i32 = 8192;
const END: usize = CHUNK_BYTES;
const VECTOR_BYTES: usize = 16;

export function plus(to: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < END; i += VECTOR_BYTES) v128.store(to + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
}

export function minus(to: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < END; i += VECTOR_BYTES) v128.store(to + i, f32x4.sub(v128.load(a + i), v128.load(b + i)));
}

export function times(to: usize, a: usize, by: f32): void {
  const all = f32x4.splat(by);
  for (let i: usize = 0; i < END; i += VECTOR_BYTES) v128.store(to + i, f32x4.mul(v128.load(a + i), all));
}

export function over(to: usize, a: usize, by: f32): void {
  const all = f32x4.splat(by);
  for (let i: usize = 0; i < END; i += VECTOR_BYTES) v128.store(to + i, f32x4.div(v128.load(a + i), all));
}

export function within(to: usize, a: usize, range: f32): void {
  const most = f32x4.splat(range);
  const least = f32x4.splat(-range);
  for (let i: usize = 0; i < END; i += VECTOR_BYTES)
    v128.store(to + i, f32x4.min(most, f32x4.max(least, v128.load(a + i))));
}
