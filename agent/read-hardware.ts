// A program of its own, run once by inventory.ts: prints what the machine is as one line of JSON.
import { readFile } from 'node:fs/promises';
import { cpu, osInfo, system } from 'systeminformation';

/** Instruction set extensions that runtimes choose their kernels by. */
const FEATURES =
  /^(neon|asimd|asimdhp|asimddp|i8mm|bf16|sve2?|sha2|aes|sse4_2|avx|avx2|fma|f16c|avx512[a-z_0-9]*|avx_vnni|amx_[a-z0-9]+)$/;

const [about, processor, operating, cpuinfo] = await Promise.all([
  system(),
  cpu(),
  osInfo(),
  readFile('/proc/cpuinfo', 'utf8').catch(() => ''),
]);
const flags = (/^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? processor.flags).split(' ');
const hardwareModel = [about.manufacturer, about.model].filter((part) => part && part !== '-').join(' ');
const board = await readFile('/proc/device-tree/model', 'utf8').catch(() => '');
console.log(
  JSON.stringify({
    hardwareModel: (board.replace(/\0/g, '').trim() || hardwareModel).slice(0, 200),
    cpuModel: [processor.manufacturer, processor.brand].filter(Boolean).join(' ').slice(0, 200),
    cpuFeatures: [...new Set(flags)].filter((flag) => FEATURES.test(flag)).slice(0, 64),
    os: `${operating.distro} ${operating.release}`.trim().slice(0, 200),
  }),
);
