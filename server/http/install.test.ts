import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type NextFunction, type Request, type Response } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES, StillError } from '../../shared/errors.ts';
import { addressOf, fillIn, installHandlers } from './install.ts';

const sha = 'ab'.repeat(32);
const list = {
  version: '1.2.3',
  nodeVersion: '24.1.0',
  files: { 'agent-linux-x64.tar.gz': { sha256: sha, sizeBytes: 3 } },
};

describe('the address in the script', () => {
  it.each(['pi.local', 'pi.local:8080', '192.168.1.2:80', '[fe80::1]:8080', 'HOST'])('may be %s', (host) => {
    expect(addressOf('http', host)).toBe(`http://${host}`);
  });

  it.each([
    undefined,
    '',
    "a'; reboot; '",
    'a$(reboot)',
    'a`reboot`',
    'a b',
    'a\nb',
    'user@host',
    'host/path',
    'host:80:80',
    '-host',
    'host:999999',
    'a"b',
    'a\\b',
  ])('may not be %j', (host) => {
    expect(() => addressOf('http', host)).toThrow(StillError);
  });

  it('has a known protocol', () => {
    expect(() => addressOf("file'", 'host')).toThrow(StillError);
  });
});

it('fills in what is known and leaves the digest of what was not built empty', () => {
  const script = fillIn("a='@SERVER@' b='@SHA256_AGENT_X64@' c='@SHA256_NODE_ARM64@' d='@OTHER@'", 'http://h', list);
  expect(script).toBe(`a='http://h' b='${sha}' c='' d='@OTHER@'`);
});

describe('over HTTP', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-install-'));
  const empty = mkdtempSync(join(tmpdir(), 'stillhouse-install-'));
  const app = express();
  for (const [path, from] of [
    ['', folder],
    ['/unbuilt', empty],
  ] as const) {
    const { installScript, installFile } = installHandlers(from);
    app.get(`${path}/install.sh`, installScript);
    app.get(`${path}/install/:file`, installFile);
  }
  app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
    response.status(error instanceof StillError ? ERROR_CODES[error.code][0] : 500).send(error.message);
  });
  const server = app.listen(0, '127.0.0.1');

  beforeAll(() => {
    writeFileSync(join(folder, 'install.sh'), "#!/bin/sh\nserver='@SERVER@'\n");
    writeFileSync(join(folder, 'files.json'), JSON.stringify(list));
    writeFileSync(join(folder, 'agent-linux-x64.tar.gz'), 'abc');
  });
  afterAll(() => {
    server.close();
    for (const path of [folder, empty]) rmSync(path, { recursive: true });
  });

  /** Not fetch: it sets Host by itself and tidies paths. */
  async function ask(path: string, host?: string): Promise<{ status: number | undefined; text: string }> {
    const { port } = server.address() as AddressInfo;
    const [response] = await once(
      get({ port, path, host: '127.0.0.1', ...(host && { headers: { host } }) }),
      'response',
    );
    let text = '';
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode, text };
  }

  it('gives the script with the address that was asked', async () => {
    expect(await ask('/install.sh', 'still.local:8080')).toEqual({
      status: 200,
      text: "#!/bin/sh\nserver='http://still.local:8080'\n",
    });
  });

  it('refuses an address that a shell could run', async () => {
    expect(await ask('/install.sh', "x';reboot;'")).toMatchObject({ status: 400 });
  });

  it('gives a listed file', async () => {
    expect(await ask('/install/agent-linux-x64.tar.gz')).toEqual({ status: 200, text: 'abc' });
  });

  it.each(['files.json', 'install.sh', 'node-linux-x64.tar.gz', '..%2f..%2fetc%2fpasswd', '%2e%2e', 'constructor'])(
    'gives no other: %s',
    async (file) => {
      expect(await ask(`/install/${file}`)).toMatchObject({ status: 404 });
    },
  );

  it.each(['/unbuilt/install.sh', '/unbuilt/install/agent-linux-x64.tar.gz'])(
    'says how to build it: %s',
    async (path) => {
      const { status, text } = await ask(path);
      expect(status).toBe(404);
      expect(text).toContain('npm run build');
    },
  );
});
