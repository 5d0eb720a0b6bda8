// One large artifact from the server ÷ the same file from nginx (sendfile, one worker): the same client, in turns.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { median } from '../../shared/statistics.ts';
import { Fleet, type RunningServer, until } from '../e2e/fleet.ts';
import type { PerfResult } from './result.ts';

const FILE_BYTES = 256 * 1024 * 1024;
const ROUNDS = 8;

export async function measureArtifactServing(): Promise<PerfResult> {
  if (spawnSync('nginx', ['-v']).error) throw new Error('nginx is not installed: apt-get install nginx-light');
  const fleet = new Fleet();
  let nginx: ChildProcess | undefined;
  try {
    const server = await fleet.server();
    const file = join(fleet.folder, 'www', 'artifact');
    const sha256 = await writeRandom(file);
    await upload(server, file, sha256);
    const port = await freePort();
    nginx = startNginx(fleet.folder, port);
    const peer = new URL(`http://127.0.0.1:${port}/artifact`);
    await until('nginx to answer', 5000, () => download(peer, {}).catch(() => undefined));
    const ours = new URL(`/v1/artifacts/${sha256}`, server.url);
    const headers = { authorization: `Bearer ${server.key}` };
    await download(ours, headers);
    const rounds: { ours: number; peer: number }[] = [];
    for (let round = 0; round < ROUNDS; round++)
      rounds.push({ peer: await download(peer, {}), ours: await download(ours, headers) });
    return report(rounds);
  } finally {
    nginx?.kill('SIGTERM');
    await fleet.end();
  }
}

/** Bytes a second; the client throws the bytes away. */
function download(url: URL, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const request = get(url, { headers, agent: false }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode !== 200 || bytes !== FILE_BYTES)
          return reject(new Error(`${url.host}: ${response.statusCode}, ${bytes} bytes`));
        resolve((bytes / (performance.now() - startedAt)) * 1000);
      });
    });
    request.on('error', reject);
  });
}

async function writeRandom(file: string): Promise<string> {
  mkdirSync(join(file, '..'), { recursive: true });
  const piece = createHash('sha512');
  const hash = createHash('sha256');
  const out = createWriteStream(file);
  let block = Buffer.alloc(1024 * 1024, piece.digest());
  for (let at = 0; at < FILE_BYTES; at += block.length) {
    block = Buffer.from(block);
    block.writeUInt32LE(at, 0);
    hash.update(block);
    if (!out.write(block)) await new Promise<void>((resolve) => out.once('drain', () => resolve()));
  }
  await new Promise<void>((resolve) => out.end(() => resolve()));
  return hash.digest('hex');
}

async function upload(server: RunningServer, file: string, sha256: string): Promise<void> {
  const { request } = await import('node:http');
  const { size } = statSync(file);
  const headers = {
    authorization: `Bearer ${server.key}`,
    'content-type': 'application/octet-stream',
    'content-length': size,
  };
  const put = request(new URL(`/v1/artifacts/${sha256}`, server.url), { method: 'PUT', headers });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    put.on('response', (response) => resolve(response.resume().statusCode));
    put.on('error', reject);
  });
  await pipeline(createReadStream(file), put);
  const status = await answered;
  if (status !== 201) throw new Error(`the server answered ${status} to the upload`);
}

function startNginx(folder: string, port: number): ChildProcess {
  const configuration = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  writeFileSync(
    configuration,
    `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; user root;
     events { worker_connections 64; }
     http { access_log off; sendfile on; tcp_nopush on; ${temporary.join(' ')}
       server { listen 127.0.0.1:${port}; root ${folder}/www; } }`,
  );
  return spawn('nginx', ['-c', configuration, '-p', folder], { stdio: 'ignore' });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

function report(rounds: readonly { readonly ours: number; readonly peer: number }[]): PerfResult {
  const ratios = rounds.map(({ ours, peer }) => ours / peer);
  const rate = (values: number[]) => `${(median(values) / 1e9).toFixed(2)} GB/s`;
  return {
    name: 'artifact-serving',
    what: 'artifact served ÷ nginx with sendfile, one worker',
    value: median(ratios),
    unit: 'ratio',
    goal: 0.9,
    goalIs: 'at least',
    spread: { low: Math.min(...ratios), high: Math.max(...ratios) },
    detail: `${rate(rounds.map(({ ours }) => ours))} ÷ ${rate(rounds.map(({ peer }) => peer))}, ${FILE_BYTES / 2 ** 20} MiB, ${ROUNDS} rounds, a Node client on the same cores`,
  };
}

if (import.meta.main) console.log(await measureArtifactServing());
