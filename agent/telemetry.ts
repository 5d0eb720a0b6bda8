// One sample now and then, often while the device works; kept for a while when there is no connection, and then forgotten, oldest first.
import type { Clock } from '../shared/clock.ts';
import { limits, timings } from '../shared/limits.ts';
import type { Telemetry, TelemetrySample } from '../shared/messages.ts';
import type { Means } from './means.ts';

/** @returns what ends it */
export function startTelemetry(
  {
    measure,
    engines,
    clock,
    isBusy,
  }: Pick<Means, 'measure' | 'engines'> & { readonly clock: Clock; readonly isBusy: () => boolean },
  publish: (telemetry: Telemetry) => boolean,
): () => void {
  const waiting: TelemetrySample[] = [];
  let cancel = () => {};
  let isOver = false;
  const next = (delayMs: number) => {
    cancel = clock.after(delayMs, async () => {
      const sample = await sampleNow({ measure, engines, clock }).catch(() => null);
      if (isOver) return;
      if (sample) waiting.push(sample);
      waiting.splice(0, Math.max(0, waiting.length - limits.telemetrySamplesPerMessage));
      if (waiting.length > 0 && publish({ samples: [...waiting] })) waiting.length = 0;
      next(isBusy() ? timings.telemetryIntervalMs : timings.idleTelemetryIntervalMs);
    });
  };
  next(timings.telemetryIntervalMs);
  return () => {
    isOver = true;
    cancel();
  };
}

async function sampleNow({
  measure,
  engines,
  clock,
}: Pick<Means, 'measure' | 'engines' | 'clock'>): Promise<TelemetrySample> {
  const [host, disk, ...loaded] = await Promise.all([
    measure.readHost(),
    measure.diskFree(),
    ...engines.loaded().map(({ pid }) => measure.readProcess(pid).catch(() => null)),
  ]);
  return {
    atMs: clock.now(),
    agentRssBytes: measure.ownRssBytes(),
    engineRssBytes: loaded.reduce((sum, engine) => sum + (engine?.rssBytes ?? 0), 0),
    memoryAvailableBytes: host.memoryAvailableBytes,
    diskFreeBytes: disk.freeBytes,
    load1: host.load1,
    temperatureCelsius: host.temperatureCelsius,
    throttledFlags: host.throttledFlags,
  };
}
