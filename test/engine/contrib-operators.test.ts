// The list of ONNX Runtime's own operators against the library that is installed, which names those that it does not know.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CONTRIB_OPERATORS } from '../../agent/pipeline/onnx/contrib-operators.ts';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';

const folder = mkdtempSync(join(tmpdir(), 'still-operators-'));
afterAll(() => rmSync(folder, { recursive: true }));
const runtime = await openRuntime('onnxruntime');

// Protocol buffers by hand: fields shorter than 128 bytes.
const bytes = (field: number, content: readonly number[]) => [field * 8 + 2, content.length, ...content];
const text = (field: number, value: string) => bytes(field, [...Buffer.from(value)]);
const number = (field: number, value: number) => [field * 8, value];

/** What the library says of a graph of one node without inputs, which no operator of the list takes. */
async function said(operator: string): Promise<string> {
  const node = bytes(1, [...text(2, 'y'), ...text(4, operator), ...text(7, 'com.microsoft')]);
  const graph = bytes(7, [...node, ...text(2, 'g'), ...bytes(12, text(1, 'y'))]);
  const domains = [bytes(8, number(2, 17)), bytes(8, [...text(1, 'com.microsoft'), ...number(2, 1)])].flat();
  const path = join(folder, 'model.onnx');
  writeFileSync(path, Buffer.from([...number(1, 8), ...graph, ...domains]));
  return runtime.load(path, { threads: 1 }).then(
    () => 'loaded',
    (error: Error) => error.message,
  );
}

describe('operators of com.microsoft', () => {
  it('are known to the library, each of the list', async () => {
    expect(CONTRIB_OPERATORS.size).toBeGreaterThan(70);
    for (const operator of CONTRIB_OPERATORS)
      expect(await said(operator), operator).toMatch(/input size 0 not in range/);
  });

  it('are called unknown where they are, so that the list can be wrong', async () => {
    expect(await said('Gelo')).toMatch(/not a registered function/);
  });
});
