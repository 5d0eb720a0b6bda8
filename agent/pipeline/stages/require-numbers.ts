// A network whose weights are damaged, or that computes in too few bits, leaves NaN. Painted, that is black: a picture that
// nothing tells from a good one, by which a publisher would even have devices prove themselves.
import { EngineFault } from '../fault.ts';

/** @param from file or folder whose networks left the values @throws EngineFault `run_failed` */
export function requireNumbers(values: Float32Array, from: string): void {
  if (!values.includes(Number.NaN)) return;
  const why = 'weights are damaged, or it needs more bits than it computes in; an export in fp32 would tell';
  throw new EngineFault('run_failed', `${from}: no picture came out, but values that are no numbers (NaN): ${why}`);
}
