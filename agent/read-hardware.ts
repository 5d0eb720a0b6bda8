// A program of its own, run once by inventory.ts: prints what the machine is as one line of JSON.
import { readFile } from 'node:fs/promises';
import { cpu, osInfo, system } from 'systeminformation';
import { cpuFeatures } from './measure/cpu-features.ts';

const [about, processor, operating, cpuinfo] = await Promise.all([
  system(),
  cpu(),
  osInfo(),
  readFile('/proc/cpuinfo', 'utf8').catch(() => ''),
]);
const hardwareModel = [about.manufacturer, about.model].filter((part) => part && part !== '-').join(' ');
const board = await readFile('/proc/device-tree/model', 'utf8').catch(() => '');
console.log(
  JSON.stringify({
    hardwareModel: (board.replace(/\0/g, '').trim() || hardwareModel).slice(0, 200),
    cpuModel: [processor.manufacturer, processor.brand].filter(Boolean).join(' ').slice(0, 200),
    cpuFeatures: cpuFeatures(cpuinfo, processor.flags),
    os: `${operating.distro} ${operating.release}`.trim().slice(0, 200),
  }),
);
