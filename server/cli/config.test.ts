import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConnection } from './config.ts';

/** Larger than Linux gives to any process. */
const ENDED_PID = 2 ** 22 + 1;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'still-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function localServer(place: string, http: string, pid = ENDED_PID): void {
  const data = join(folder, '.stillhouse', place);
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'server.json'), JSON.stringify({ http, pid }));
  writeFileSync(join(data, 'admin.key'), `sk_${place.replace('/', '_')}\n`);
}

test('the option goes before the environment, the environment before the folder', () => {
  localServer('server', 'http://127.0.0.1:1');
  const env = { STILL_SERVER: 'http://127.0.0.1:2', STILL_KEY: 'sk_env' };
  const read = (given: object, environment: Record<string, string>) => {
    const { url, key } = readConnection(given, environment, folder);
    return `${url.origin} ${key}`;
  };
  expect(read({}, {})).toBe('http://127.0.0.1:1 sk_server');
  expect(read({}, env)).toBe('http://127.0.0.1:2 sk_env');
  expect(read({ server: 'http://127.0.0.1:3', key: 'sk_given' }, env)).toBe('http://127.0.0.1:3 sk_given');
  expect(read({}, { STILL_KEY: 'sk_env' })).toBe('http://127.0.0.1:1 sk_env');
});

test('the key of the folder never goes to a server that the folder did not name', () => {
  localServer('server', 'http://127.0.0.1:1');
  expect(() => readConnection({ server: 'http://elsewhere' }, {}, folder)).toThrow('no key is given');
});

test('a server of the demo is found where no other has run', () => {
  localServer('demo/server', 'http://127.0.0.1:4');
  expect(readConnection({}, {}, folder)).toMatchObject({ key: 'sk_demo_server' });
});

test('of two, the one that runs', () => {
  localServer('server', 'http://127.0.0.1:1');
  localServer('demo/server', 'http://127.0.0.1:4', process.pid);
  expect(readConnection({}, {}, folder)).toMatchObject({ key: 'sk_demo_server' });
});

test('nothing named, or nothing that can be an address', () => {
  expect(() => readConnection({}, {}, folder)).toThrow('no server is named');
  for (const wrong of ['pi-kitchen', 'ftp://x', 'localhost:80'])
    expect(() => readConnection({ server: wrong, key: 'k' }, {}, folder)).toThrow('is no address of a server');
});

test('STILL_SERVER_DATA names the data folder of the server, as it does for "still serve"', () => {
  localServer('server', 'http://127.0.0.1:1');
  localServer('elsewhere', 'http://127.0.0.1:5');
  const env = { STILL_SERVER_DATA: join(folder, '.stillhouse/elsewhere') };
  expect(readConnection({}, env, folder)).toMatchObject({ key: 'sk_elsewhere' });
});
