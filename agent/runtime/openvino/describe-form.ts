// What a compiled form depends on, as a key: any difference is another form.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { cpus } from 'node:os';

export interface FormDescription {
  /** The .xml file. */
  readonly graphPath: string;
  /** The .bin file beside it; null for a graph without weights. */
  readonly weightsPath: string | null;
  /** Of each input. */
  readonly sizes: readonly (readonly number[])[];
  readonly properties: Readonly<Record<string, string>>;
  /** Of OpenVINO, with its build. */
  readonly runtimeVersion: string;
}

/** Lines of /proc/cpuinfo that say which processor it is, on x86 and on arm; the others change from moment to moment. */
const PROCESSOR_LINES =
  /^(vendor_id|cpu family|model|model name|stepping|flags|Features|CPU (implementer|architecture|variant|part|revision))\s*:/;

/** @returns the key, and the graph's file, which was read for it. @throws Error of the file system */
export function describeForm({ graphPath, weightsPath, sizes, properties, runtimeVersion }: FormDescription) {
  const graph = readFileSync(graphPath);
  const facts = [
    runtimeVersion,
    process.arch,
    processor(),
    sizes,
    Object.entries(properties).sort(),
    weightsOf(weightsPath),
  ];
  const key = createHash('sha256').update(JSON.stringify(facts)).update(graph).digest('hex');
  return { key, graph };
}

/**
 * Weights are not read for this: a file that was written again has another time of change, which no program can set, or another
 * inode.
 */
function weightsOf(path: string | null): readonly string[] {
  if (path === null) return [];
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].map(String);
}

function processor(): readonly string[] {
  const file = '/proc/cpuinfo';
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const telling = lines.filter((line) => PROCESSOR_LINES.test(line));
  return [...new Set([...telling, ...cpus().map(({ model }) => model)])].sort();
}

/** Bits of weights that OpenVINO may widen to floats while it compiles; those end up in the form itself. */
const NARROW_BITS: Readonly<Record<string, number>> = {
  ...{ i8: 8, u8: 8, f8e4m3: 8, f8e5m2: 8, i4: 4, u4: 4, nf4: 4, f4e2m1: 4, u3: 3, u2: 2, u1: 1 },
};
const BESIDE_WEIGHTS_BYTES = 4 * 1024 * 1024;

/** The most that a compiled form is expected to take on the disk. @param graph what is in the .xml file */
export function mostBytesOfForm(graph: Buffer): number {
  const graphText = graph.toString('latin1');
  let bytes = 2 * graphText.length + BESIDE_WEIGHTS_BYTES;
  for (const [, type = '', size] of graphText.matchAll(/<data [^>]*element_type="(\w+)"[^>]*\bsize="(\d+)"/g)) {
    const bits = Object.hasOwn(NARROW_BITS, type) ? NARROW_BITS[type] : undefined;
    if (bits !== undefined) bytes += (Number(size) * 32) / bits;
  }
  return bytes;
}
