// Everything that is counted over a stretch of a run: the machine's counters, the engines' CPU time, energy, heat, clock.
import { availableParallelism } from 'node:os';
import type { Clock } from '../../shared/clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Conditions } from './disturbances.ts';
import { joulesBetween, readEnergy } from './energy.ts';
import { readHostCounters } from './host-counters.ts';
import { watchHost } from './watch-host.ts';

export interface Counters {
  /** The second reading: what happened since the start. */
  read(): Promise<{
    readonly conditions: Conditions;
    readonly engineCpuMs: number;
    /** Of the whole processor; null where the machine does not tell. */
    readonly joules: number | null;
    readonly temperatureMaxCelsius: number | null;
  }>;
  /** Ends the sampling without a reading. */
  stop(): void;
}

/** @param engines whose CPU time is the run's own */
export async function startCounters(clock: Clock, engines: readonly Engine[]): Promise<Counters> {
  const watch = watchHost(clock);
  const before = await readHostCounters();
  const energyBefore = await readEnergy();
  const cpuBeforeMs = await cpuMsOf(engines);
  const agentBefore = process.cpuUsage();
  const startedAt = clock.monotonic();
  return {
    async read() {
      const wallMs = clock.monotonic() - startedAt;
      const agentCpu = process.cpuUsage(agentBefore);
      const engineCpuMs = (await cpuMsOf(engines)) - cpuBeforeMs;
      const joules = joulesBetween(energyBefore, await readEnergy());
      const after = await readHostCounters();
      const { temperatureMaxCelsius, throttledFlags, frequencyMhz } = watch.stop();
      const ownCpuMs = engineCpuMs + (agentCpu.user + agentCpu.system) / 1000;
      const cores = availableParallelism();
      const conditions = { wallMs, cores, before, after, ownCpuMs, throttledFlags, frequencyMhz };
      return { conditions, engineCpuMs, joules, temperatureMaxCelsius };
    },
    stop: () => void watch.stop(),
  };
}

async function cpuMsOf(engines: readonly Engine[]): Promise<number> {
  const readings = await Promise.all(engines.map((engine) => engine.resources()));
  return readings.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}
