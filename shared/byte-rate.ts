// How people write a rate: `500kB`, `2 MB/s`, `1.5MiB/s`, or a bare number of bytes a second.
import { limits } from './limits.ts';

const UNITS: Readonly<Record<string, number>> = {
  ...{ '': 1, b: 1, k: 1e3, kb: 1e3, m: 1e6, mb: 1e6, g: 1e9, gb: 1e9 },
  ...{ kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 },
};

export type ByteRate =
  | { readonly kind: 'rate'; readonly bytesPerSecond: number }
  | { readonly kind: 'unreadable'; readonly message: string };

export function parseByteRate(text: string): ByteRate {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?i?b?)(?:\/s)?$/i.exec(text.trim());
  const unit = UNITS[match?.[2]?.toLowerCase() ?? '?'];
  if (!match || unit === undefined)
    return { kind: 'unreadable', message: `"${text}": expected bytes a second such as 500kB, 2MB or 1.5MiB` };
  const bytesPerSecond = Math.round(Number(match[1]) * unit);
  if (bytesPerSecond < limits.leastBytesPerSecond)
    return {
      kind: 'unreadable',
      message: `"${text}": at least ${limits.leastBytesPerSecond} bytes a second are needed`,
    };
  return { kind: 'rate', bytesPerSecond };
}
