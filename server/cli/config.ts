// Where the server is and which key opens it. The only file of the command line that reads the environment.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { StillError } from '../../shared/errors.ts';

/** Data folders of a server on this machine: in the working folder, then where a service keeps its own. */
const LOCAL_SERVERS = [
  '.stillhouse/server',
  '.stillhouse/demo/server',
  '/var/lib/stillhouse-server',
  '/var/lib/stillhouse',
];

export interface Given {
  /** `--server` */
  readonly server?: string | undefined;
  /** `--key` */
  readonly key?: string | undefined;
}

export interface Connection {
  readonly url: URL;
  readonly key: string;
  /** Who said so: an option, a variable, a folder. */
  readonly source: string;
}

/**
 * The option first, then STILL_SERVER and STILL_KEY, then a server on this machine: STILL_SERVER_DATA names its data
 * folder, and the usual places are looked at.
 *
 * @throws StillError invalid_input where nothing names a server or a key
 */
export function readConnection(given: Given, env: NodeJS.ProcessEnv = process.env, folder = process.cwd()): Connection {
  const named = given.server ?? env.STILL_SERVER;
  const local =
    named === undefined
      ? findLocalServer([...(env.STILL_SERVER_DATA ? [env.STILL_SERVER_DATA] : []), ...LOCAL_SERVERS], folder)
      : undefined;
  if (named === undefined && local === undefined)
    throw new StillError('invalid_input', 'no server is named, and none was found on this machine', {
      problems: [{ message: 'give --server URL or set STILL_SERVER; "still serve" starts one here' }],
    });
  const key = given.key ?? env.STILL_KEY ?? local?.key;
  if (!key)
    throw new StillError('invalid_input', 'no key is given', {
      problems: [
        { message: 'give --key KEY or set STILL_KEY; the first one is in admin.key in the data folder of the server' },
      ],
    });
  const source = given.server === undefined ? (local?.source ?? 'STILL_SERVER') : '--server';
  return { url: parseUrl(named ?? local?.url ?? '', source), key: key.trim(), source };
}

function parseUrl(text: string, source: string): URL {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new StillError('invalid_input', `"${text}" is no address of a server`, {
    problems: [{ field: source, message: 'expected one such as http://127.0.0.1:8080' }],
  });
}

interface LocalServer {
  readonly url: string;
  readonly key: string | undefined;
  readonly source: string;
  readonly isRunning: boolean;
}

/** One that runs goes before one that has ended. */
function findLocalServer(places: readonly string[], folder: string): LocalServer | undefined {
  const found = places.flatMap((place) => readLocalServer(folder, place) ?? []);
  return found.find(({ isRunning }) => isRunning) ?? found[0];
}

function readLocalServer(folder: string, place: string): LocalServer | undefined {
  const source = `${place}/server.json`;
  const text = read(resolve(folder, source));
  const { http, pid } = text === undefined ? {} : (JSON.parse(text) as { http?: unknown; pid?: unknown });
  if (typeof http !== 'string') return undefined;
  const isRunning = typeof pid === 'number' && isAlive(pid);
  return { url: http, key: read(resolve(folder, place, 'admin.key')), source, isRunning };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Undefined also where another user keeps it to himself: then that server is not for us. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new StillError('internal', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
