// Which kernels ran: each open graph once more with its counters on, and the shares that matter.
import { basename, dirname } from 'node:path';
import type { KernelTime } from '../runtime/runtime.ts';
import type { KernelShare, RuntimeDescription } from './engine.ts';
import type { TrackedRuntime } from './tracked-runtime.ts';

/** Of one graph; what is left out has the smallest shares. */
const MOST_KERNELS = 12;

export async function describeRuntime(runtime: TrackedRuntime): Promise<RuntimeDescription> {
  const kernels: KernelShare[] = [];
  for (const [path, session] of runtime.open)
    kernels.push(...kernelShares(basename(dirname(path)), (await session.kernels?.()) ?? []));
  return { build: await runtime.build(), kernels };
}

/** The largest first; nodes of one operator that take the same kernel are one line. */
export function kernelShares(graph: string, times: readonly KernelTime[]): KernelShare[] {
  const total = times.reduce((sum, { ms }) => sum + ms, 0);
  const byKernel = new Map<string, KernelShare>();
  for (const { operator, kernel, ms } of times) {
    const key = `${operator} ${kernel}`;
    const share = (byKernel.get(key)?.share ?? 0) + ms / Math.max(total, Number.MIN_VALUE);
    byKernel.set(key, { graph, operator, kernel, share });
  }
  return [...byKernel.values()].sort((a, b) => b.share - a.share).slice(0, MOST_KERNELS);
}
