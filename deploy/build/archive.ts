// Archives that come out the same from the same files: sorted names, no owner, no times.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const SAME = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u+rwX,go=rX'];

/** Packs the entries of `folder` (GNU tar) and compresses them; gzip's header holds neither name nor time. */
export async function archive(folder: string, entries: readonly string[], file: string): Promise<void> {
  const tar = spawn('tar', [...SAME, '-C', folder, '-cf', '-', ...entries], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(tar, 'close');
  await pipeline(tar.stdout, createGzip({ level: 9 }), createWriteStream(file));
  const [code] = await ended;
  if (code !== 0) throw new Error(`tar ended with ${code} while packing ${folder}`);
}

export async function describe(file: string): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return { sha256: hash.digest('hex'), sizeBytes: statSync(file).size };
}
