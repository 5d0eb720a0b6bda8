// HTTP between agents and the server: the question and the answer travel over the device's line, the answer comes in
// pieces, and what the server does is what its handlers do, by the same queries and actions.
import { Readable } from 'node:stream';
import type { Question, ServerAccess } from '../../agent/transfer/ask-server.ts';
import type { Response } from '../../agent/transfer/response.ts';
import { receivePicture } from '../../server/actions/receive-picture.ts';
import * as artifacts from '../../server/store/artifacts.ts';
import * as devices from '../../server/store/devices.ts';
import { isSecret, parseSecret } from '../../server/store/secrets.ts';
import * as versions from '../../server/store/versions.ts';
import type { World } from '../../server/store/world.ts';
import { StillError } from '../../shared/errors.ts';
import { timings } from '../../shared/limits.ts';
import type { SimFiles } from './files.ts';
import type { SimLine } from './line.ts';
import { forever, type SimProcess } from './process.ts';

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** The server as it stands, or null while it is down. */
export type ServerPlace = () => {
  readonly world: World;
  readonly process: SimProcess;
  readonly files: SimFiles;
} | null;

const PIECE_BYTES = 4000;

export function httpOf(server: ServerPlace, line: SimLine, process: SimProcess): NonNullable<ServerAccess['send']> {
  return async ({ credential }, question) => {
    const { signal } = question;
    let stopWaiting = () => {};
    const asked = new Promise<Response>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      stopWaiting = process.after(timings.httpRequestMs, 'http gives up', () => reject(new Error('no answer in time')));
      process.after(line.delayMs(), 'http question', () => {
        if (line.isCut) return;
        const place = server();
        if (!place) return reject(new Error('connect ECONNREFUSED'));
        answerTo(place, credential ?? '', question).then(
          (answer) =>
            process.after(line.delayMs(), 'http answer', () => {
              if (!line.isCut) resolve(responseOf(answer, { place, server, line, process, signal }));
            }),
          () => {},
        );
      });
    });
    return asked.finally(() => stopWaiting());
  };
}

async function answerTo(
  { world, files, process }: NonNullable<ReturnType<ServerPlace>>,
  credential: string,
  question: Question,
): Promise<Answer> {
  if (!process.isAlive) return forever();
  const { db } = world.store;
  const parsed = parseSecret(credential);
  const hash = parsed && (await devices.credentialOf(db, parsed.id));
  if (!parsed || !hash || !isSecret(parsed.secret, hash)) return plain(401);
  const [, , noun, id = ''] = question.path.split('/');
  if (noun === 'manifests') {
    const version = (await versions.wasOffered(db, parsed.id, id)) ? await versions.byDigest(db, id) : null;
    return version ? { status: 200, body: Buffer.from(version.manifestText) } : plain(404);
  }
  if (noun === 'artifacts') {
    if (!(await versions.wasOfferedArtifact(db, parsed.id, id))) return plain(404);
    const bytes = (await artifacts.sizes(db, [id])).has(id) ? files.bytes(id) : null;
    const start = Number(/^bytes=(\d+)-$/.exec(question.headers?.range ?? '')?.[1] ?? 0);
    if (!bytes) return plain(404);
    return { status: start > 0 ? 206 : 200, body: bytes.subarray(start) };
  }
  const pictureId = question.path.split('/')[3] ?? '';
  try {
    const stream = Readable.from([Buffer.from(question.body ?? '')]);
    await receivePicture(world, { pictureId, deviceId: parsed.id, stream });
    return plain(201);
  } catch (error) {
    if (!process.isAlive) return forever();
    return plain(error instanceof StillError ? 404 : 500);
  }
}

const plain = (status: number): Answer => ({ status, body: Buffer.from('{}') });

function responseOf(
  { status, body }: Answer,
  at: {
    place: NonNullable<ReturnType<ServerPlace>>;
    server: ServerPlace;
    line: SimLine;
    process: SimProcess;
    signal: AbortSignal | undefined;
  },
): Response {
  const { line, process, place, signal } = at;
  const { random } = line;
  let broken: Error | null = null;
  let wake = () => {};
  const breakOff = (error: Error) => {
    broken ??= error;
    wake();
  };
  signal?.addEventListener('abort', () => breakOff(new Error('aborted')), { once: true });
  const breaksAt = random.chance(line.http.breaks) ? random.int(0, body.length) : Number.POSITIVE_INFINITY;
  const stallsAt = random.chance(line.http.stalls) ? random.int(0, body.length) : Number.POSITIVE_INFINITY;
  const flipsAt = random.chance(line.http.flips) ? random.int(0, body.length) : Number.POSITIVE_INFINITY;

  async function* pieces(): AsyncGenerator<Buffer> {
    for (let start = 0; start < body.length; ) {
      const end = Math.min(body.length, start + random.int(1, PIECE_BYTES));
      const isSilent = (start <= stallsAt && stallsAt < end) || line.isCut;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (!isSilent) process.after(line.delayMs(), 'http piece', resolve);
      });
      if (!place.process.isAlive) broken ??= new Error('socket hang up');
      if (start <= breaksAt && breaksAt < end) broken ??= new Error('read ECONNRESET');
      if (broken) throw broken;
      const piece = Buffer.from(body.subarray(start, end));
      if (start <= flipsAt && flipsAt < end) piece[flipsAt - start] = (piece[flipsAt - start] as number) ^ 4;
      yield piece;
      start = end;
    }
  }
  return {
    statusCode: status,
    statusMessage: '',
    resume: () => {},
    destroy: (error) => breakOff(error ?? new Error('destroyed')),
    [Symbol.asyncIterator]: pieces,
  };
}
