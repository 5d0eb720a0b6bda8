import { once } from 'node:events';
import type { Server } from 'node:net';
import { StillError } from '../shared/errors.ts';

/**
 * Resolves when `server` listens.
 *
 * @param protocol HTTP or MQTT; its lower-case form is the option that names the place
 * @throws StillError `conflict` when the place is taken or not this machine's
 */
export async function listenOn(
  server: Server,
  { host, port }: { host: string; port: number },
  protocol: 'HTTP' | 'MQTT',
): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw new StillError(
      'conflict',
      `cannot listen for ${protocol} on ${host}:${port}: ${(error as Error).message}; choose another place with --${protocol.toLowerCase()}`,
      { cause: error },
    );
  }
}
