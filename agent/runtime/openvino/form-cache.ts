// Compiled forms on the disk, so that an engine that starts again does not compile anew. OpenVINO's own cache does the work
// (CACHE_DIR, weights left out). It takes damaged files for whole ones and then computes wrong pictures, writes in place, and never
// clears away; so each form has a folder of its own here, with its digest, built aside and renamed.
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { limits } from '../../../shared/limits.ts';
import { describeForm, type FormDescription, mostBytesOfForm } from './describe-form.ts';

/** The number by which OpenVINO is told to find the one form of a folder; otherwise it would read all weights to make one up. */
const BLOB_ID = '1';
const BLOB = `${BLOB_ID}.blob`;
const DIGEST = 'sha256';
/** In the place of a digest: compiled once, and found too large to keep. */
const TOO_LARGE = 'too large';
/** Of a folder that is being filled; the process's id follows. */
const ASIDE = '.new-';
const CHUNK_BYTES = 1024 * 1024;

export interface CachedCompilation {
  /** To compile with. */
  readonly properties: Readonly<Record<string, string>>;
  /** Says how it went; must be called. */
  done(how: 'loaded' | 'compiled' | 'failed'): void;
}

export class FormCache {
  private readonly folder: string;
  private readonly log: (line: string) => void;
  private told = false;

  /** @param folder of one version; made when it is not there. One that cannot be written is told once and not used. */
  constructor(folder: string, log: (line: string) => void) {
    this.folder = folder;
    this.log = log;
    this.attempt(() => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const name of readdirSync(folder).filter(isAbandoned)) this.remove(name);
    });
  }

  /** @returns null where the form can be neither taken from here nor kept here */
  open(form: FormDescription): CachedCompilation | null {
    return this.attempt(() => {
      const { key, graph } = describeForm(form);
      const digest = this.digestOf(key);
      if (digest === TOO_LARGE) return null;
      const weightsPath = form.weightsPath;
      if (digest !== null && digest === digestOfFile(join(this.folder, key, BLOB)))
        return { properties: propertiesFor(join(this.folder, key), weightsPath), done: (how) => this.used(key, how) };
      this.remove(key);
      if (!this.hasRoom(mostBytesOfForm(graph))) return null;
      const aside = mkdtempSync(join(this.folder, `${ASIDE}${process.pid}-`));
      return { properties: propertiesFor(aside, weightsPath), done: (how) => this.filled(aside, key, how) };
    });
  }

  private digestOf(key: string): string | null {
    const file = join(this.folder, key, DIGEST);
    return existsSync(file) ? readFileSync(file, 'utf8') : null;
  }

  private hasRoom(bytes: number): boolean {
    const { bavail, bsize } = statfsSync(this.folder);
    return bytes <= limits.compiledBytesPerVersion && bavail * bsize - bytes >= limits.diskReserveBytes;
  }

  private used(key: string, how: 'loaded' | 'compiled' | 'failed'): void {
    this.attempt(() => {
      const now = new Date();
      if (how === 'loaded') utimesSync(join(this.folder, key), now, now);
      // OpenVINO would not have it, and may have written another one in its place.
      else this.remove(key);
    });
  }

  private filled(aside: string, key: string, how: 'loaded' | 'compiled' | 'failed'): void {
    this.attempt(() => {
      try {
        // Not there: the disk was full while OpenVINO wrote.
        if (how === 'compiled' && existsSync(join(aside, BLOB))) this.keep(aside, key);
      } finally {
        rmSync(aside, { recursive: true, force: true });
      }
      this.forgetOldest();
    });
  }

  private keep(aside: string, key: string): void {
    const blob = join(aside, BLOB);
    const fits = statSync(blob).size <= limits.compiledBytesPerVersion && this.hasRoom(0);
    writeFileSync(join(aside, DIGEST), fits ? (digestOfFile(blob) ?? '') : TOO_LARGE);
    if (!fits) rmSync(blob);
    // Another engine of the version may have been quicker. Nothing is synced: what a power cut damages, the digest finds.
    if (!existsSync(join(this.folder, key))) renameSync(aside, join(this.folder, key));
  }

  /** The least recently used go first. */
  private forgetOldest(): void {
    const entries = readdirSync(this.folder)
      .filter((name) => !name.startsWith(ASIDE))
      .map((name) => ({ name, usedMs: statSync(join(this.folder, name)).mtimeMs, bytes: this.bytesOf(name) }))
      .sort((a, b) => b.usedMs - a.usedMs);
    let total = 0;
    for (const [i, { name, bytes }] of entries.entries()) {
      total += bytes;
      if (i >= limits.compiledFormsPerVersion || total > limits.compiledBytesPerVersion) this.remove(name);
    }
  }

  private bytesOf(name: string): number {
    return statSync(join(this.folder, name, BLOB), { throwIfNoEntry: false })?.size ?? 0;
  }

  private remove(name: string): void {
    rmSync(join(this.folder, name), { recursive: true, force: true });
  }

  /** A cache that fails costs time and nothing else. */
  private attempt<T>(work: () => T): T | null {
    try {
      return work();
    } catch (cause) {
      if (!this.told) this.log(`${this.folder}: compiled forms are not kept: ${messageOf(cause)}`);
      this.told = true;
      return null;
    }
  }
}

const propertiesFor = (folder: string, weightsPath: string | null): Record<string, string> => ({
  CACHE_DIR: folder,
  CACHE_BLOB_ID: BLOB_ID,
  CACHE_MODE: 'OPTIMIZE_SIZE',
  ...(weightsPath !== null && { WEIGHTS_PATH: weightsPath }),
});

/** Whether the process that filled it is gone. */
function isAbandoned(name: string): boolean {
  if (!name.startsWith(ASIDE)) return false;
  try {
    process.kill(Number.parseInt(name.slice(ASIDE.length), 10), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function digestOfFile(path: string): string | null {
  if (!existsSync(path)) return null;
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const file = openSync(path, 'r');
  try {
    for (let count = readSync(file, chunk); count > 0; count = readSync(file, chunk))
      hash.update(chunk.subarray(0, count));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}
