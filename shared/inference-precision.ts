// What a variant's graphs are computed in, whatever their weights are stored in (OpenVINO's inference precision).
import { instructionSetFault, type Processor } from './instruction-set.ts';
import { InferencePrecision } from './manifest.ts';

/**
 * Architecture → extensions with which OpenVINO 2026.4 computes in it faster than in f32. It emulates bf16 on older x86-64
 * processors, and f16 on those with avx512_fp16 took 1.3 to 1.8 times the time of f32; on arm64 it has no bf16.
 */
const INSTRUCTION_SETS = {
  f16: { arm64: ['asimdhp'] },
  bf16: { x64: ['avx512_bf16'] },
} as const satisfies Record<Exclude<InferencePrecision, 'f32'>, Record<string, readonly string[]>>;

interface Computed {
  readonly runtime: string;
  readonly precision: string;
  readonly inferencePrecision?: InferencePrecision | undefined;
}

/**
 * What a graph is computed in decides its pictures, so it follows from the variant and not from the processor. ONNX Runtime
 * computes in f32 also where weights are stored in bf16: such graphs widen them themselves.
 */
export const inferencePrecisionOf = ({ runtime, precision, inferencePrecision }: Computed): InferencePrecision =>
  inferencePrecision ?? (runtime === 'openvino' && precision === 'bf16' ? 'bf16' : 'f32');

/** `<runtime>-<precision>`, and what it computes in where that is not what such a variant computes in by itself. */
export function variantName(variant: Computed): string {
  const { runtime, precision } = variant;
  const computesIn = inferencePrecisionOf(variant);
  const suffix = computesIn === inferencePrecisionOf({ runtime, precision }) ? '' : `-${computesIn}`;
  return `${runtime}-${precision}${suffix}`;
}

/** Of a manifest's variant; empty for f32, which every processor computes in. */
export function instructionSetsFor(inferencePrecision: InferencePrecision): {
  readonly instructionSets?: Record<string, string[]>;
} {
  if (inferencePrecision === 'f32') return {};
  const sets = Object.entries(INSTRUCTION_SETS[inferencePrecision]);
  return { instructionSets: Object.fromEntries(sets.map(([architecture, needed]) => [architecture, [...needed]])) };
}

/** Those that a runtime computes in on a processor, f32 first. */
export function inferencePrecisionsOf(runtime: string, processor: Processor): InferencePrecision[] {
  if (runtime !== 'openvino') return ['f32'];
  return InferencePrecision.options.filter(
    (each) =>
      each === 'f32' ||
      (processor.cpuFeatures.length > 0 &&
        instructionSetFault({ name: each, ...instructionSetsFor(each) }, processor) === null),
  );
}
