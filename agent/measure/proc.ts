// Small files of /proc and /sys. Reading them is how the kernel is asked; no helper process is started.
import { readFile } from 'node:fs/promises';

/** The file's text, or null where this machine has no such file. */
export async function readKernelFile(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
}

/** The number after `name` at the start of a line ("MemAvailable:  123 kB", "pswpin 5"), or null. */
export function numberAfter(text: string | null, name: string): number | null {
  const found = new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text ?? '')?.[1];
  return found === undefined ? null : Number(found);
}
