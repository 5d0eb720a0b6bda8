// What is kept of a machine is of that machine.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readInventory } from './inventory.ts';
import { readProcessor } from './measure/cpu-features.ts';

const folder = mkdtempSync(join(tmpdir(), 'stillhouse-inventory-'));
const file = join(folder, 'hardware.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = () =>
  readInventory({
    ...{ folder, agentVersion: '0.1.0', log: () => {} },
    measure: { installedRuntimes: async () => [], diskFree: async () => ({ freeBytes: 1, totalBytes: 2 }) },
  });

it('is read once, and again where the disk came to another processor', async () => {
  const { cpuFeatures } = await readProcessor();
  expect((await read()).cpuFeatures).toEqual(cpuFeatures);
  const kept = JSON.parse(readFileSync(file, 'utf8'));
  const keep = (hardware: object) =>
    writeFileSync(file, JSON.stringify({ ...kept, hardware: { ...kept.hardware, ...hardware } }));
  keep({ cpuModel: 'as kept' });
  expect((await read()).cpuModel).toBe('as kept');
  keep({ cpuModel: 'another machine', cpuFeatures: [...cpuFeatures, 'avx512_made_up'] });
  expect(await read()).toMatchObject({ cpuModel: kept.hardware.cpuModel, cpuFeatures });
});
