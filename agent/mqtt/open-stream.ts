import { connect as connectTcp, type Socket } from 'node:net';
import { limits } from '../../shared/limits.ts';
import { shrinkOversized } from './shrink-oversized.ts';

/** Room for a topic and a packet id beside the payload. */
const HEADER_BYTES = 1024;

/**
 * The socket to a broker at `mqtt://host:port` or `mqtts://host:port`. Whoever pipes it gets its bytes without messages
 * that are too large.
 */
export function openStream(url: URL, onOversized: (bytes: number) => void): Socket {
  const isTls = url.protocol === 'mqtts:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (isTls ? 8883 : 1883);
  // TLS is loaded by those who use it only.
  const socket = isTls
    ? process.getBuiltinModule('node:tls').connect({ host, port, servername: host })
    : connectTcp({ host, port });
  // A report of a few bytes must not wait for the acknowledgement of the one before (Nagle).
  socket.setNoDelay(true);
  const incoming = shrinkOversized(limits.mqttMessageBytes + HEADER_BYTES, onOversized);
  incoming.on('error', (error) => socket.destroy(error));
  const pipe = socket.pipe.bind(socket);
  socket.pipe = (destination, options) => pipe(incoming).pipe(destination, options);
  return socket;
}
