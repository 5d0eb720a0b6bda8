import type { Processor } from '../../shared/instruction-set.ts';
import { readKernelFile } from './proc.ts';

/** Instruction set extensions that runtimes choose their kernels by. */
const FEATURES =
  /^(neon|asimd|asimdhp|asimddp|i8mm|bf16|sve2?|sha2|aes|sse4_2|avx|avx2|fma|f16c|avx512[a-z_0-9]*|avx_vnni|amx_[a-z0-9]+)$/;
const MOST = 64;

/**
 * Those that this processor has.
 *
 * @param cpuinfo the text of /proc/cpuinfo
 * @param otherwise flags to look through where it names none
 */
export function cpuFeatures(cpuinfo: string, otherwise = ''): string[] {
  const flags = (/^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? otherwise).split(' ');
  return [...new Set(flags)].filter((flag) => FEATURES.test(flag)).slice(0, MOST);
}

/** This machine's. */
export async function readProcessor(): Promise<Processor> {
  return { architecture: process.arch, cpuFeatures: cpuFeatures((await readKernelFile('/proc/cpuinfo')) ?? '') };
}
