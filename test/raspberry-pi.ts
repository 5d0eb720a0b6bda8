import type { Inventory } from '../shared/inventory.ts';

/** What a Raspberry Pi 5 says of itself, for tests that have none at hand. */
export const inventory: Inventory = {
  architecture: 'arm64',
  hardwareModel: 'Raspberry Pi 5 Model B Rev 1.0',
  cpuModel: 'Cortex-A76',
  cores: 4,
  cpuFeatures: ['asimd', 'asimddp'],
  memoryBytes: 8 * 1024 ** 3,
  diskFreeBytes: 20e9,
  diskTotalBytes: 32e9,
  os: 'Debian GNU/Linux 12',
  kernel: '6.6.0',
  nodeVersion: 'v24.0.0',
  agentVersion: '0.1.0',
  hostname: 'pi',
  runtimes: [{ runtime: 'onnxruntime', version: '1.30.0' }],
};
