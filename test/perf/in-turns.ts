const AT_ONCE = 100;

/** So many acts, a hundred under way at a time; the results in the order in which they came. */
export async function inTurns<T>(count: number, act: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) results.push(await act(i));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
