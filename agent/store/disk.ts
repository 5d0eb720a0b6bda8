// What the stores of blobs and slots ask of a disk, and no more: few enough calls that a simulated disk can say of each
// what a power cut, a full disk or a crash in the midst of it leaves.

export interface DiskFile {
  /** Behind what is there. @throws ENOSPC */
  append(bytes: Uint8Array): Promise<void>;
  /** @returns how many bytes were read; 0 at the end of the file */
  read(into: Uint8Array, count: number, position: number): Promise<number>;
  truncate(sizeBytes: number): Promise<void>;
  sizeBytes(): Promise<number>;
  /** The bytes survive a power cut from here on; the file's name need not (syncFolder). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** `append` and `replace` make a file that is not there; `replace` begins with an empty one. @throws ENOENT */
  open(path: string, mode: 'read' | 'append' | 'replace'): Promise<DiskFile>;
  /** @throws ENOENT */
  readWhole(path: string): Promise<Buffer>;
  /** Null when nothing stands there. `file` is equal for two names of one file. */
  find(path: string): Promise<{ readonly sizeBytes: number; readonly file: number } | null>;
  /** Names in a folder, in no order. */
  names(folder: string): Promise<string[]>;
  /** With the folders above it. */
  makeFolder(path: string): Promise<void>;
  /** At once, in place of what had the name. */
  rename(from: string, to: string): Promise<void>;
  /** A folder with all that is in it; nothing there is no fault. */
  remove(path: string): Promise<void>;
  /** Another name for the same file. @throws EPERM and others where the file system has none */
  link(file: string, name: string): Promise<void>;
  /** The copy's bytes survive a power cut. */
  copy(from: string, to: string): Promise<void>;
  /**
   * Takes the space for a file that is to have `sizeBytes`, and leaves what is in it as it is; makes it if it is not there.
   * Does nothing on a file system that cannot. @throws ENOSPC
   */
  reserve(path: string, sizeBytes: number): Promise<void>;
  /** Makes renames and new names in `folder` survive a power cut. */
  syncFolder(folder: string): Promise<void>;
}
