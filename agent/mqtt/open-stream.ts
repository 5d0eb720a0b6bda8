import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { limits } from '../../shared/limits.ts';
import { shrinkOversized } from './shrink-oversized.ts';

/** Room for a topic and a packet id beside the payload. */
const HEADER_BYTES = 1024;

/** The byte stream to a broker at `mqtt://host:port` or `mqtts://host:port`. */
export function openStream(url: URL, onOversized: (bytes: number) => void): Duplex {
  const isTls = url.protocol === 'mqtts:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (isTls ? 8883 : 1883);
  const socket = isTls ? connectTls({ host, port, servername: host }) : connectTcp({ host, port });
  socket.setNoDelay(true);
  const incoming = shrinkOversized(limits.mqttMessageBytes + HEADER_BYTES, onOversized);
  const stream = Duplex.from({ readable: incoming, writable: socket });
  socket.on('error', (error) => stream.destroy(error));
  socket.on('close', () => stream.destroy());
  incoming.on('error', (error) => stream.destroy(error));
  stream.on('close', () => socket.destroy());
  socket.pipe(incoming);
  return stream;
}
