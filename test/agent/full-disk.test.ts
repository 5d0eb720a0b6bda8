// A file system of a few megabytes that is really full: the agent says so once, and lives.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { FakeEngines } from './fake-engines.ts';
import { LittleServer } from './little-server.ts';
import { startAgent, type WholeAgent } from './whole-agent.ts';

const fixture = fileURLToPath(new URL('../fixtures/shapes-tiny/1.0.0', import.meta.url));
const MEGABYTE = 1024 * 1024;

let folder: string;
let server: LittleServer;
let agent: WholeAgent | null = null;

/** Null when it is there, else why it cannot be. */
function mountSmall(bytes: number): string | null {
  if (process.getuid?.() !== 0) return 'mounting a small file system needs root';
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'pipe' });
    return null;
  } catch (error) {
    return `no file system could be mounted: ${(error as Error).message.split('\n')[0]}`;
  }
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-full-'));
  server = await new LittleServer().start();
});
afterEach(async () => {
  await agent?.stop();
  agent = null;
  await server.stop();
  try {
    execFileSync('umount', [folder], { stdio: 'pipe' });
  } catch {
    // It was never mounted.
  }
  rmSync(folder, { recursive: true, force: true });
});

const freeBytes = () => {
  const { bsize, bavail } = statfsSync(folder);
  return bsize * bavail;
};
const fill = (leaving: number) => {
  mkdirSync(join(folder, 'others'), { recursive: true });
  for (let n = 0; freeBytes() > leaving; n++)
    try {
      writeFileSync(join(folder, 'others', String(n)), Buffer.alloc(Math.min(MEGABYTE, freeBytes() - leaving)));
    } catch {
      return;
    }
};
const start = (fake: FakeEngines) => {
  agent = startAgent(server, fake, { folder: join(folder, 'agent') });
  return vi.waitUntil(() => server.hellos().length > 0, { timeout: 20_000 });
};
const ends = (installationId: string) =>
  vi.waitUntil(() => /COMMITTED|FAILED|REJECTED/.exec(server.walk(installationId).at(-1) ?? '')?.[0], {
    ...{ timeout: 60_000, interval: 20 },
  });
const reasonOf = (installationId: string) =>
  server
    .reports()
    .flatMap(({ body }) =>
      body.kind === 'installation' && body.installationId === installationId ? [body.reason] : [],
    )
    .at(-1);

describe('a file system that is really full', () => {
  it('is filled by others behind the admission: FAILED with the bytes that are missing, and then it goes', async (context) => {
    const fault = mountSmall(24 * MEGABYTE);
    if (fault) return context.skip(fault);
    const fake = new FakeEngines();
    // What the admission is told: others fill the disk only afterwards.
    fake.measure.diskFree = async () => ({ freeBytes: freeBytes() + limits.diskReserveBytes, totalBytes: 1e9 });
    await start(fake);
    const wish = server.wish(server.publish(fixture));
    fill(64 * 1024);
    const requests = () => server.artifactRequests.length;
    server.desire(1, [wish]);
    expect(await ends(wish.installationId)).toMatch(/FAILED|REJECTED/);
    expect(reasonOf(wish.installationId)).toMatchObject({
      ...{ code: 'disk_full', message: expect.stringMatching(/[1-9]\d* bytes are missing/) },
    });
    const asked = requests();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(requests(), 'it tries again on a full disk').toBe(asked);
    rmSync(join(folder, 'others'), { recursive: true });
    const again = server.wish(server.publish(fixture));
    server.desire(2, [again]);
    expect(await ends(again.installationId)).toBe('COMMITTED');
  });

  it('to the last byte: what is kept for it is given up, so that the failure can be written down', async (context) => {
    const fault = mountSmall(24 * MEGABYTE);
    if (fault) return context.skip(fault);
    const fake = new FakeEngines();
    fake.measure.diskFree = async () => ({ freeBytes: freeBytes() + limits.diskReserveBytes, totalBytes: 1e9 });
    await start(fake);
    const wish = server.wish(server.publish(fixture));
    server.artifactFault = () => {
      if (freeBytes() > 0) fill(0);
      return false;
    };
    server.desire(1, [wish]);
    expect(await ends(wish.installationId)).toBe('FAILED');
    expect(reasonOf(wish.installationId)).toMatchObject({ code: 'disk_full' });
    expect(server.walk(wish.installationId)).toEqual(['DOWNLOADING', 'FAILED disk_full']);
  });
});
