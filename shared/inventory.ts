// What a device is, as its agent sees it, and the class that makes measurements comparable.
import { z } from 'zod';
import { Runtime } from './manifest.ts';

export const Inventory = z.looseObject({
  /** process.arch of the agent: x64, arm64. */
  architecture: z.string().max(32),
  /** Board or system model as the firmware names it ("Raspberry Pi 5 Model B Rev 1.0"); empty when unknown. */
  hardwareModel: z.string().max(200),
  cpuModel: z.string().max(200),
  cores: z.int().min(1),
  /** Instruction set extensions that runtimes care about (asimddp, avx2, avx512f, ...). */
  cpuFeatures: z.array(z.string().max(32)).max(64),
  memoryBytes: z.int().min(0),
  diskFreeBytes: z.int().min(0),
  diskTotalBytes: z.int().min(0),
  os: z.string().max(200),
  kernel: z.string().max(200),
  nodeVersion: z.string().max(50),
  agentVersion: z.string().max(50),
  hostname: z.string().max(255),
  runtimes: z.array(z.looseObject({ runtime: Runtime, version: z.string().max(50) })).max(8),
});
export type Inventory = z.infer<typeof Inventory>;

const GIB = 1024 ** 3;

/**
 * `raspberry-pi-5-8gb`, `x86-64-2c-24gb`: boards by their model, other machines by architecture and cores; memory is
 * rounded up to the size that is sold (firmware and kernel keep a part of it back).
 */
export function deviceClassOf(
  inventory: Pick<Inventory, 'architecture' | 'hardwareModel' | 'cores' | 'memoryBytes'>,
): string {
  const memory = `${memoryClass(inventory.memoryBytes)}gb`;
  const pi = /Raspberry Pi (?:Compute Module )?(Zero 2|Zero|\d+)(?: Model ([AB]))?( Plus)?/i.exec(
    inventory.hardwareModel,
  );
  if (pi?.[1]) {
    const module = /Compute Module/i.test(inventory.hardwareModel) ? 'cm' : '';
    return `raspberry-pi-${module}${pi[1].toLowerCase().replace(' ', '-')}${pi[3] ? '-plus' : ''}-${memory}`;
  }
  const architecture =
    { x64: 'x86-64', arm64: 'arm64', arm: 'armv7' }[inventory.architecture] ?? inventory.architecture;
  return `${architecture}-${inventory.cores}c-${memory}`;
}

function memoryClass(bytes: number): number | string {
  const gib = bytes / GIB;
  if (gib <= 0.5) return '0.5';
  const sold = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];
  return sold.find((size) => gib <= size) ?? Math.round(gib / 64) * 64;
}
