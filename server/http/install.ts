// The installer that a device fetches from this server, and the files that it needs, as `npm run build` left them in
// dist/install. The script names the address that it was asked for under, so that address is checked to be nothing but
// a host and a port before it stands in a shell's source.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { StillError } from '../../shared/errors.ts';
import { Sha256 } from '../../shared/ids.ts';

const FileName = z.string().regex(/^(agent|node)-linux-(x64|arm64)\.tar\.gz$/);
const InstallList = z.object({
  version: z.string().regex(/^[0-9A-Za-z.+-]{1,50}$/),
  nodeVersion: z.string().regex(/^[0-9.]{1,20}$/),
  files: z.record(FileName, z.object({ sha256: Sha256, sizeBytes: z.int() })),
});
type InstallList = z.infer<typeof InstallList>;

/** A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. */
const HOST = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?$/i;

/** Beside the bundle, or in dist/ when the sources run. */
export const builtInstallFolder = (): string =>
  fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../dist/install' : '../install', import.meta.url));

/** The handlers of the routes of the same names. */
export function installHandlers(folder: string): { installScript: RequestHandler; installFile: RequestHandler } {
  return {
    installScript(request, response) {
      const server = addressOf(request.protocol, request.headers.host);
      const list = readList(folder);
      const script = fillIn(readFileSync(join(folder, 'install.sh'), 'utf8'), server, list);
      response.set('cache-control', 'no-store').type('text/x-shellscript').send(script);
    },
    installFile(request, response, next) {
      const { file } = request.params;
      const { files } = readList(folder);
      if (typeof file !== 'string' || !Object.hasOwn(files, file))
        throw new StillError('not_found', `there is no ${file} to install; there are ${Object.keys(files).join(', ')}`);
      const options = { root: folder, headers: { etag: `"${files[file]?.sha256}"`, 'cache-control': 'no-cache' } };
      response.sendFile(file, options, (error?: Error) => error && next(error));
    },
  };
}

/** @throws StillError `invalid_input` for a Host header that is anything else than a host and a port */
export function addressOf(protocol: string, host: string | undefined): string {
  if ((protocol === 'http' || protocol === 'https') && host !== undefined && HOST.test(host))
    return `${protocol}://${host}`;
  throw new StillError('invalid_input', 'the Host header is not a host name or address with an optional port');
}

/** Every value was checked to hold no quote, so that none can end the quoted string which it stands in. */
export function fillIn(template: string, server: string, { version, nodeVersion, files }: InstallList): string {
  const digest = (file: string) => files[file]?.sha256 ?? '';
  const values: Readonly<Record<string, string>> = {
    SERVER: server,
    VERSION: version,
    NODE_VERSION: nodeVersion,
    SHA256_AGENT_X64: digest('agent-linux-x64.tar.gz'),
    SHA256_AGENT_ARM64: digest('agent-linux-arm64.tar.gz'),
    SHA256_NODE_X64: digest('node-linux-x64.tar.gz'),
    SHA256_NODE_ARM64: digest('node-linux-arm64.tar.gz'),
  };
  return template.replace(/@([A-Z0-9_]+)@/g, (whole, name: string) => values[name] ?? whole);
}

/** @throws StillError `not_found` when nothing was built. Read anew every time: a build needs no restart. */
function readList(folder: string): InstallList {
  try {
    return InstallList.parse(JSON.parse(readFileSync(join(folder, 'files.json'), 'utf8')));
  } catch (cause) {
    throw new StillError('not_found', 'the installer is not built on this server: run "npm run build" there', {
      cause,
    });
  }
}
