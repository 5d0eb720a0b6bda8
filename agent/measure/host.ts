// The machine's state at this moment: free memory, load, temperature, throttling.
import { readdir } from 'node:fs/promises';
import { freemem, loadavg } from 'node:os';
import { leftInControlGroup } from './memory-limit.ts';
import { numberAfter, readKernelFile } from './proc.ts';

export { readProcess } from '../engine/read-process.ts';

export interface HostState {
  /** What the kernel says is available, or what the agent's control group leaves when that is less. */
  readonly memoryAvailableBytes: number;
  /** Load average of the last minute. */
  readonly load1: number;
  /** The hottest thermal zone; null where there is none (virtual machines). */
  readonly temperatureCelsius: number | null;
  /** The Raspberry Pi firmware's get_throttled bits; null elsewhere. */
  readonly throttledFlags: number | null;
}

const THERMAL = '/sys/class/thermal';
/** What `vcgencmd get_throttled` asks, without a helper process: up to the Pi 4, and on the Pi 5. */
const THROTTLED = [
  '/sys/devices/platform/soc/soc:firmware/get_throttled',
  '/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled',
];

const POLICIES = '/sys/devices/system/cpu/cpufreq';

/** Present clock of each frequency domain in MHz; empty where the machine does not tell (most virtual ones). */
export async function readFrequencies(): Promise<number[]> {
  const policies = (await readdir(POLICIES).catch(() => [])).filter((name) => name.startsWith('policy'));
  const texts = await Promise.all(policies.map((name) => readKernelFile(`${POLICIES}/${name}/scaling_cur_freq`)));
  return texts.map((text) => Number.parseInt(text ?? '', 10) / 1000).filter((mhz) => Number.isFinite(mhz));
}

export async function readHost(): Promise<HostState> {
  const [memory, leftBytes, temperatureCelsius, throttledFlags] = await Promise.all([
    readKernelFile('/proc/meminfo'),
    leftInControlGroup(),
    readTemperature(),
    readThrottled(),
  ]);
  const availableKibibytes = numberAfter(memory, 'MemAvailable');
  return {
    memoryAvailableBytes: Math.min(leftBytes, availableKibibytes === null ? freemem() : availableKibibytes * 1024),
    load1: loadavg()[0] ?? 0,
    temperatureCelsius,
    throttledFlags,
  };
}

async function readThrottled(): Promise<number | null> {
  const texts = await Promise.all(THROTTLED.map(readKernelFile));
  const flags = Number.parseInt(texts.find((text) => text !== null) ?? '', 16);
  return Number.isNaN(flags) ? null : flags;
}

async function readTemperature(): Promise<number | null> {
  const zones = (await readdir(THERMAL).catch(() => [])).filter((name) => name.startsWith('thermal_zone'));
  const texts = await Promise.all(zones.map((zone) => readKernelFile(`${THERMAL}/${zone}/temp`)));
  const readings = texts.map((text) => Number.parseInt(text ?? '', 10)).filter((milli) => Number.isFinite(milli));
  return readings.length === 0 ? null : Math.max(...readings) / 1000;
}
