// What this machine is. systeminformation starts helper processes and stays in memory once loaded, so it runs in a
// process of its own and its answer is kept; what changes by itself (the free disk) is read anew every time.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, hostname, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { Inventory } from '../shared/inventory.ts';
import type { Measure } from './means.ts';
import { readProcessor } from './measure/cpu-features.ts';

const HARDWARE_MS = 30_000;

/** The part that only changes with the machine or its system. */
export const Hardware = Inventory.pick({ hardwareModel: true, cpuModel: true, cpuFeatures: true, os: true });
export type Hardware = z.infer<typeof Hardware>;

const KeptHardware = z.object({ kernel: z.string(), agentVersion: z.string(), hardware: Hardware });

export async function readInventory(options: {
  readonly folder: string;
  readonly agentVersion: string;
  readonly measure: Pick<Measure, 'installedRuntimes' | 'diskFree'>;
  readonly log: (line: string) => void;
}): Promise<Inventory> {
  const { measure, agentVersion } = options;
  const [hardware, runtimes, disk] = await Promise.all([
    readHardware(options),
    measure.installedRuntimes(),
    measure.diskFree(),
  ]);
  return {
    ...hardware,
    architecture: process.arch,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    diskFreeBytes: disk.freeBytes,
    diskTotalBytes: disk.totalBytes,
    kernel: release(),
    nodeVersion: process.version,
    agentVersion,
    hostname: hostname(),
    runtimes: runtimes.map(({ runtime, version }) => ({ runtime, version })),
  };
}

async function readHardware(options: {
  readonly folder: string;
  readonly agentVersion: string;
  readonly log: (line: string) => void;
}): Promise<Hardware> {
  const file = join(options.folder, 'hardware.json');
  const kept = readKept(file);
  const sameSystem = kept?.kernel === release() && kept.agentVersion === options.agentVersion;
  if (sameSystem && hasFeatures((await readProcessor()).cpuFeatures, kept.hardware)) return kept.hardware;
  try {
    const program = fileURLToPath(
      new URL(`./read-hardware${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
    );
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: HARDWARE_MS });
    const hardware = Hardware.parse(JSON.parse(stdout));
    writeFileSync(file, JSON.stringify({ kernel: release(), agentVersion: options.agentVersion, hardware }));
    return hardware;
  } catch (error) {
    options.log(`the machine's model could not be read: ${(error as Error).message.split('\n')[0]}`);
    return { hardwareModel: '', cpuModel: '', cpuFeatures: [], os: process.platform };
  }
}

/** A disk may have come to another machine, whose processor decides what it computes in. @param features none where it names none */
const hasFeatures = (features: readonly string[], { cpuFeatures }: Hardware): boolean =>
  features.length === 0 || features.join() === cpuFeatures.join();

function readKept(file: string): z.infer<typeof KeptHardware> | null {
  try {
    return KeptHardware.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}
