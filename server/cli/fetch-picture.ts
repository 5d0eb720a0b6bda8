// One picture from a device: ask, follow, fetch, write. Ctrl-C takes the request back.
import { rename, writeFile } from 'node:fs/promises';
import { StillError } from '../../shared/errors.ts';
import type { GivenBody, PictureView } from '../../shared/http-api.ts';
import { jobTable } from '../../shared/job.ts';
import { isFinal } from '../../shared/machine.ts';
import { encodedFor } from '../../shared/picture-file.ts';
import { followJob, requireSuccess } from './follow-job.ts';
import type { Session } from './session.ts';

export interface Fetched {
  readonly view: PictureView;
  readonly result: NonNullable<PictureView['result']>;
  readonly png: Uint8Array;
}

interface Hooks {
  readonly signal: AbortSignal;
  readonly onView?: (view: PictureView) => void;
}

/** @throws StillError where the device refuses, fails, or takes too long */
export async function fetchPicture(
  session: Session,
  body: GivenBody<'requestPicture'>,
  hooks: Hooks,
): Promise<Fetched> {
  const { pictureId } = await session.client.call('requestPicture', { body });
  return follow(session, pictureId, hooks);
}

/**
 * Asks for all of them at once, so that several devices can share the work, and gives them in their order. When one fails,
 * those behind it are taken back.
 *
 * @throws StillError as `fetchPicture`
 */
export async function* fetchPictures(
  session: Session,
  bodies: readonly GivenBody<'requestPicture'>[],
  hooks: Hooks,
): AsyncGenerator<Fetched> {
  const { client } = session;
  const waiting: string[] = [];
  try {
    for (const body of bodies) waiting.push((await client.call('requestPicture', { body })).pictureId);
    while (waiting.length > 0) {
      const fetched = await follow(session, waiting[0] as string, hooks);
      waiting.shift();
      yield fetched;
    }
  } finally {
    // One that has ended by itself cannot be taken back, and need not be.
    for (const pictureId of waiting) await client.call('cancelPicture', { params: { pictureId } }).catch(() => null);
  }
}

async function follow(session: Session, pictureId: string, { signal, onView }: Hooks): Promise<Fetched> {
  const { client } = session;
  const params = { pictureId };
  let told = 0;
  const ask = async () => {
    const seen = await client.call('showPicture', { params });
    onView?.(seen);
    for (const { because } of seen.handOvers.slice(told))
      session.screen.line(`${because}; another device makes the picture now`);
    told = seen.handOvers.length;
    return seen;
  };
  const view = await followJob(session, ask, signal);
  if (!isFinal(jobTable, view.state)) {
    await client.call('cancelPicture', { params });
    throw new StillError('timeout', `canceled the picture on ${view.device}`);
  }
  requireSuccess('the picture', view);
  if (!view.result) throw new StillError('internal', `the picture ${pictureId} has no result`);
  return { view, result: view.result, png: await client.bytes('getPicture', params) };
}

/** As the name's ending says; never leaves half a file under it. */
export async function writePicture(file: string, png: Uint8Array): Promise<void> {
  const beside = `${file}.part`;
  await writeFile(beside, await encodedFor(file, png));
  await rename(beside, file);
}

/** `a-fox-on-teal-background-42.png` */
export function pictureFileName(prompt: string, seed: number): string {
  const words = prompt
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `${words.slice(0, 60).replace(/-+$/, '') || 'picture'}-${seed}.png`;
}
