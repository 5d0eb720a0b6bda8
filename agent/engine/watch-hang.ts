// Tells an engine that hangs from one that is slow: a step may take many minutes on a small device, but it takes them of the
// processor. Looks that follow each other are counted, and no clock is compared, so that a machine which sleeps accuses nobody.
import type { Clock } from '../../shared/clock.ts';
import { timings } from '../../shared/limits.ts';

const LOOKS = 6;
/** A process that only waits may still be charged a tick of the kernel's clock. */
const IDLE_CPU_MS = 10;

/**
 * @param isAsked whether the engine owes an answer now
 * @param readCpuMs its processor time since its start, milliseconds; a rejection ends the watch
 * @param onHang called once, when it owed an answer over `timings.engineHangMs` and used no processor time
 * @returns what ends the watch
 */
export function watchHang(options: {
  readonly clock: Clock;
  readonly isAsked: () => boolean;
  readonly readCpuMs: () => Promise<number>;
  readonly onHang: () => void;
}): () => void {
  const { clock, isAsked, readCpuMs, onHang } = options;
  let isOver = false;
  let cancel = () => {};
  let idle = 0;
  let lastCpuMs: number | null = null;
  const look = async () => {
    const cpuMs = isAsked() ? await readCpuMs() : null;
    if (isOver) return;
    const isIdle = cpuMs !== null && lastCpuMs !== null && cpuMs - lastCpuMs <= IDLE_CPU_MS;
    idle = isIdle ? idle + 1 : 0;
    lastCpuMs = cpuMs;
    if (idle >= LOOKS) onHang();
    else next();
  };
  // One that is gone cannot be read, and hangs no more.
  const next = () => {
    cancel = clock.after(timings.engineHangMs / LOOKS, () => void look().catch(() => {}));
  };
  next();
  return () => {
    isOver = true;
    cancel();
  };
}
