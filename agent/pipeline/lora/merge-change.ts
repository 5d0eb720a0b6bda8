// One weight as it is stored, changed in place; and what a graph with such weights is to its runtime.
import { messageOf } from '../../../shared/errors.ts';
import type { MergedWeights } from '../../runtime/runtime.ts';
import type { Change } from './adapter-changes.ts';
import { addChange } from './add-change.ts';
import { ofPhase, type Phase } from './phases.ts';

/** What to load in the place of a graph's files, and which changes are in it. */
export interface MergedGraph {
  readonly merged: MergedWeights;
  readonly used: readonly Change[];
}

export interface StoredWeight {
  readonly bytes: Uint8Array;
  /** Null where nothing can be added to it. */
  readonly type: 'float32' | 'float16' | null;
  readonly dims: readonly number[];
  /** Stored [inputs, outputs], where a module has [outputs, inputs]. */
  readonly transposed: boolean;
  /** Null where it is the whole of its module's. */
  readonly phase: Phase | null;
}

/** @throws RangeError that names the module */
export function mergeChange(find: () => StoredWeight, change: Change): void {
  try {
    const { bytes, type, dims, transposed, phase } = find();
    if (type === null)
      throw new RangeError('its weight is stored in a form that nothing can be added to; export with fp32 or fp16');
    const values = numbersOf(type, bytes);
    addChange({ values, dims, transposed }, phase ? { ...change, down: ofPhase(change.down, phase) } : change);
    bytes.set(new Uint8Array(type === 'float32' ? values.buffer : Float16Array.from(values).buffer));
  } catch (cause) {
    throw new RangeError(`${change.module}: ${messageOf(cause)}`, { cause });
  }
}

/** A copy, because weights need not lie at multiples of their width. */
function numbersOf(type: 'float32' | 'float16', bytes: Uint8Array): Float32Array {
  const { buffer } = new Uint8Array(bytes);
  return type === 'float32' ? new Float32Array(buffer) : Float32Array.from(new Float16Array(buffer));
}
