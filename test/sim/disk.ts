// A disk in memory that knows which of its bytes and names would survive a power cut. Data is durable after the file's
// sync, names after their folder's; until then a cut keeps any beginning of what was done, and may leave zeros.
import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import type { Disk, DiskFile } from '../../agent/store/disk.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';

class File {
  readonly number: number;
  data: Buffer = Buffer.alloc(0);
  durable: Buffer = Buffer.alloc(0);
  names = 0;
  private digest: string | null = null;

  constructor(number: number) {
    this.number = number;
  }

  set(data: Buffer): void {
    this.data = data;
    this.digest = null;
  }

  sha256(): string {
    this.digest ??= createHash('sha256').update(this.data).digest('hex');
    return this.digest;
  }
}

type Change = readonly [name: string, node: Node | null][];

class Folder {
  readonly number: number;
  names = new Map<string, Node>();
  durable = new Map<string, Node>();
  /** Not durable yet, in order; each is all or nothing. */
  pending: Change[] = [];

  constructor(number: number) {
    this.number = number;
  }
}

type Node = File | Folder;

export class SimDisk {
  /** What others have taken of it. */
  takenBytes = 0;
  readonly capacityBytes: number;
  /** How long an operation may take; 0 for none at all. */
  slownessMs = 0;
  private usedBytes = 0;
  private numbers = 0;
  private root = new Folder(0);
  private readonly dirtyFolders = new Set<Folder>();
  private readonly dirtyFiles = new Set<File>();

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  /** Bytes that still fit. */
  get freeBytes(): number {
    return this.capacityBytes - this.takenBytes - this.usedBytes;
  }

  /** The file's bytes as the machine sees them now; null when there is none. */
  peek(path: string): Buffer | null {
    const node = this.node(path);
    return node instanceof File ? node.data : null;
  }

  sha256(path: string): string | null {
    const node = this.node(path);
    return node instanceof File ? node.sha256() : null;
  }

  list(path: string): string[] {
    const node = this.node(path);
    return node instanceof Folder ? [...node.names.keys()] : [];
  }

  makeFolder(path: string): void {
    let at = this.root;
    for (const part of path.split('/').filter(Boolean)) {
      let next = at.names.get(part);
      if (!next) {
        next = new Folder(++this.numbers);
        this.change(at, [[part, next]]);
      }
      if (!(next instanceof Folder)) throw fault('ENOTDIR', path);
      at = next;
    }
  }

  /** Everything so far survives. */
  syncAll(): void {
    for (const folder of [...this.dirtyFolders]) this.syncFolder(folder);
    for (const file of [...this.dirtyFiles]) this.syncFile(file);
  }

  /** What was not synced is there in part, or not. */
  cutPower(random: Random): void {
    for (const folder of this.dirtyFolders) {
      const kept = random.int(0, folder.pending.length);
      for (const change of folder.pending.slice(0, kept)) apply(folder.durable, change);
      folder.names = new Map(folder.durable);
      folder.pending = [];
    }
    for (const file of this.dirtyFiles) file.set(torn(file, random));
    for (const file of this.dirtyFiles) file.durable = file.data;
    this.dirtyFolders.clear();
    this.dirtyFiles.clear();
    this.count();
  }

  private count(): void {
    const files = new Set<File>();
    const visit = (node: Node) => {
      if (node instanceof Folder) for (const child of node.names.values()) visit(child);
      else node.names = files.has(node) ? node.names + 1 : 1;
      if (node instanceof File) files.add(node);
    };
    visit(this.root);
    this.usedBytes = [...files].reduce((sum, { data }) => sum + data.length, 0);
  }

  /** One byte of a file is another one from now on; false when there is no such byte. */
  flipBit(path: string, random: Random): boolean {
    const node = this.node(path);
    if (!(node instanceof File) || node.data.length === 0) return false;
    const data = Buffer.from(node.data);
    const at = random.int(0, data.length - 1);
    data[at] = (data[at] as number) ^ (1 << random.int(0, 7));
    node.set(data);
    node.durable = data;
    return true;
  }

  /** The disk as a process uses it. */
  usedBy(process: SimProcess): Disk {
    const io = <T>(what: string, work: () => T): Promise<T> => {
      const slow = this.slownessMs > 0 && process.random.chance(0.3);
      return process.io(what, slow ? process.random.around(this.slownessMs) : 0, work);
    };
    return {
      open: (path, mode) => io('open', () => this.fileOf(this.openFile(path, mode), process, io)),
      readWhole: (path) => io('read', () => this.file(path).data),
      find: (path) =>
        io('find', () => {
          const node = this.node(path);
          return node && { sizeBytes: node instanceof File ? node.data.length : 4096, file: node.number };
        }),
      names: (path) => io('names', () => [...this.folder(path).names.keys()]),
      makeFolder: (path) => io('make-folder', () => this.makeFolder(path)),
      rename: (from, to) => io('rename', () => this.rename(from, to)),
      remove: (path) => io('remove', () => this.remove(path)),
      link: (from, to) => io('link', () => this.link(this.file(from), to)),
      copy: (from, to) => io('copy', () => this.copy(from, to)),
      reserve: (path, sizeBytes) =>
        io('reserve', () => {
          const { data } = this.openFile(path, 'append');
          if (sizeBytes - data.length > this.freeBytes) throw fault('ENOSPC', path);
        }),
      syncFolder: (path) => io('sync-folder', () => this.syncFolder(this.folder(path))),
    };
  }

  private fileOf(file: File, process: SimProcess, io: <T>(what: string, work: () => T) => Promise<T>): DiskFile {
    return {
      append: (bytes) =>
        io('append', () => {
          try {
            process.effect();
          } catch (died) {
            this.append(file, bytes.subarray(0, process.random.int(0, bytes.length)));
            throw died;
          }
          this.append(file, bytes);
        }),
      read: (into, count, position) =>
        io('read', () => file.data.copy(into, 0, position, Math.min(file.data.length, position + count))),
      truncate: (size) => io('truncate', () => this.write(file, file.data.subarray(0, size))),
      sizeBytes: () => io('size', () => file.data.length),
      sync: () => io('sync', () => this.syncFile(file)),
      close: () => io('close', () => {}),
    };
  }

  private openFile(path: string, mode: 'read' | 'append' | 'replace'): File {
    const node = this.node(path);
    if (node instanceof Folder) throw fault('EISDIR', path);
    if (!node && mode === 'read') throw fault('ENOENT', path);
    if (node && mode === 'replace') this.write(node, Buffer.alloc(0));
    if (node) return node;
    const file = new File(++this.numbers);
    this.link(file, path);
    return file;
  }

  private append(file: File, bytes: Uint8Array): void {
    if (bytes.length > this.freeBytes) throw fault('ENOSPC', 'append');
    this.write(file, Buffer.concat([file.data, bytes]));
  }

  private write(file: File, data: Buffer): void {
    this.usedBytes += data.length - file.data.length;
    file.set(data);
    this.dirtyFiles.add(file);
  }

  private link(file: File, path: string): void {
    const folder = this.folder(dirname(path));
    if (folder.names.has(basename(path))) throw fault('EEXIST', path);
    file.names++;
    this.change(folder, [[basename(path), file]]);
  }

  private copy(from: string, to: string): void {
    const copy = this.openFile(to, 'replace');
    this.append(copy, this.file(from).data);
    this.syncFile(copy);
  }

  rename(from: string, to: string): void {
    if (dirname(from) !== dirname(to)) throw fault('EXDEV', to);
    const folder = this.folder(dirname(from));
    const node = folder.names.get(basename(from));
    if (!node) throw fault('ENOENT', from);
    const replaced = folder.names.get(basename(to));
    if (replaced instanceof Folder && replaced.names.size > 0) throw fault('ENOTEMPTY', to);
    this.change(folder, [
      [basename(from), null],
      [basename(to), node],
    ]);
    if (replaced instanceof File && replaced !== node) this.release(replaced);
  }

  private remove(path: string): void {
    const folder = this.node(dirname(path));
    if (!(folder instanceof Folder)) return;
    const node = folder.names.get(basename(path));
    if (!node) return;
    this.change(folder, [[basename(path), null]]);
    this.releaseAll(node);
  }

  private releaseAll(node: Node): void {
    if (node instanceof File) this.release(node);
    else for (const child of node.names.values()) this.releaseAll(child);
  }

  private release(file: File): void {
    if (--file.names === 0) this.usedBytes -= file.data.length;
  }

  private change(folder: Folder, change: Change): void {
    apply(folder.names, change);
    folder.pending.push(change);
    this.dirtyFolders.add(folder);
  }

  private syncFolder(folder: Folder): void {
    folder.durable = new Map(folder.names);
    folder.pending = [];
    this.dirtyFolders.delete(folder);
  }

  private syncFile(file: File): void {
    file.durable = file.data;
    this.dirtyFiles.delete(file);
  }

  private node(path: string): Node | null {
    let at: Node = this.root;
    for (const part of path.split('/')) {
      if (part === '') continue;
      const next: Node | undefined = at instanceof Folder ? at.names.get(part) : undefined;
      if (!next) return null;
      at = next;
    }
    return at;
  }

  private file(path: string): File {
    const node = this.node(path);
    if (!(node instanceof File)) throw fault(node ? 'EISDIR' : 'ENOENT', path);
    return node;
  }

  private folder(path: string): Folder {
    const node = this.node(path);
    if (!(node instanceof Folder)) throw fault(node ? 'ENOTDIR' : 'ENOENT', path);
    return node;
  }
}

function apply(names: Map<string, Node>, change: Change): void {
  for (const [name, node] of change) {
    if (node) names.set(name, node);
    else names.delete(name);
  }
}

/** What a cut leaves of a file that was not synced: the old bytes and some of the new ones, perhaps with zeros among them. */
function torn({ data, durable }: File, random: Random): Buffer {
  const kept = Buffer.from(data.subarray(0, random.int(Math.min(durable.length, data.length), data.length)));
  if (kept.length > durable.length && random.chance(0.5)) kept.fill(0, random.int(durable.length, kept.length));
  return kept;
}

function fault(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
