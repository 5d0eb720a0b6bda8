// One picture: made by the engine of the version that runs, sent by HTTP, then reported.
import { createHash } from 'node:crypto';
import { limits, timings } from '../../shared/limits.ts';
import type { PictureRequest, RunningModel } from '../../shared/messages.ts';
import { EngineFault, type GeneratedPicture, type GenerateRequest, type StageProgress } from '../engine/engine.ts';
import { engineSpec } from '../engine-spec.ts';
import { jobFault } from '../job-fault.ts';
import type { Means } from '../means.ts';
import { type PictureCache, pictureKey } from '../picture-cache.ts';
import { observeMemory, planPicture } from '../picture-memory.ts';
import { backoffMs } from '../rules/backoff.ts';
import { failed, type JobOutcome } from '../rules/job-outcome.ts';
import { sleep } from '../sleep.ts';
import { throttle } from '../throttle.ts';
import { fetchBeginning } from '../transfer/fetch-beginning.ts';
import { sendPicture } from '../transfer/send-picture.ts';
import { unlessAborted } from '../unless-aborted.ts';

const PROGRESS_MS = 200;
/** The report has room for so many; a prompt has rarely more than a few. */
const UNKNOWN_WORDS = 100;
/** An engine that died under a picture is started again once. */
const ATTEMPTS = 2;

export interface PictureOrder {
  readonly jobId: string;
  readonly request: PictureRequest;
  readonly place: RunningModel;
  readonly signal: AbortSignal;
  readonly cache: PictureCache;
  /** Every step of it, unthrottled. */
  readonly onProgress: (progress: StageProgress) => void;
  /** The engine is free again; what is left is the way to the server. */
  readonly onGenerated: (made: GeneratedPicture, cached: boolean) => void;
}

interface Generated {
  readonly made: GeneratedPicture;
  /** Of its engine; null where that made larger ones before. */
  readonly peakRssBytes: number | null;
}

export async function picture(means: Means, order: PictureOrder): Promise<JobOutcome> {
  const { jobId, place, signal, cache } = order;
  const key = order.request.allowCached ? pictureKey(place, order.request) : null;
  const known = key === null ? null : cache.find(key);
  let generated: Generated;
  try {
    generated = known
      ? { made: known, peakRssBytes: null }
      : await generate(means, order, await beginning(means, order));
  } catch (error) {
    return signal.aborted ? { kind: 'stopped' } : jobFault(jobId, error);
  }
  const { made } = generated;
  if (key !== null) cache.keep(key, made);
  order.onGenerated(made, known !== null);
  const refusal = await deliver(means, order, made.png);
  if (signal.aborted) return { kind: 'stopped' };
  if (refusal !== null) return failed(jobId, 'FAILED', { code: 'upload_failed', message: refusal });
  return {
    kind: 'ended',
    report: { kind: 'job', jobId, to: 'SUCCEEDED', picture: figures(place, generated, known !== null) },
  };
}

type Beginning = Pick<GenerateRequest, 'image' | 'mask'>;

async function beginning(means: Means, order: PictureOrder): Promise<Beginning> {
  return { image: await fetched(means, order, 'image'), mask: await fetched(means, order, 'mask') };
}

/** What the request begins from. @throws EngineFault `run_failed` where the server does not have it any more */
async function fetched(means: Means, { jobId, request, signal }: PictureOrder, name: 'image' | 'mask') {
  const stored = request[name];
  if (!stored) return undefined;
  const what = `the ${name} that picture ${jobId} begins from`;
  const fetched = await untilAnswered(means, { what, signal }, () =>
    fetchBeginning(means.access, { pictureId: jobId, name }, stored, signal),
  );
  if (fetched?.kind === 'image') return fetched.image;
  throw new EngineFault('run_failed', `${what}: ${fetched?.message ?? 'not fetched in time'}`);
}

async function generate(means: Means, order: PictureOrder, begun: Beginning): Promise<Generated> {
  const spec = await engineSpec(means.store, order.place);
  const { prompt, seed, steps, guidanceScale, width, height, previews, scheduler, negativePrompt, tiled, strength } =
    order.request;
  const asked = {
    ...{ prompt, seed, steps, guidanceScale, width, height, previews, scheduler, negativePrompt, tiled, strength },
    ...begun,
  };
  const urgent = ({ preview }: StageProgress) => preview !== undefined;
  const tell = throttle(means.clock, { everyMs: PROGRESS_MS, urgent }, (progress: StageProgress) =>
    means.progress({ kind: 'job', jobId: order.jobId, ...inMessage(progress) }),
  );
  const onProgress = (progress: StageProgress) => {
    order.onProgress(progress);
    tell(progress);
  };
  const hooks = { signal: order.signal, onProgress };
  for (let attempt = 1; ; attempt++) {
    try {
      const engine = await unlessAborted(means.engines.get(spec), order.signal);
      const how = await planPicture(means, {
        spec,
        engine,
        ...{ width, height, tiled, image: begun.image !== undefined },
      });
      const made = await engine.generate({ ...asked, ...how }, hooks);
      const peakRssBytes = await observeMemory(means, { spec, engine, made });
      return { made, peakRssBytes };
    } catch (error) {
      const died = error instanceof EngineFault && error.code === 'killed' && !order.signal.aborted;
      if (!died || attempt >= ATTEMPTS) throw error;
      await means.engines.release(spec);
      means.log(`picture ${order.jobId}: ${error.message}; trying once more`);
    }
  }
}

/** Sends until the server has it. @returns why it never will, or null */
async function deliver(means: Means, { jobId, signal }: PictureOrder, png: Uint8Array): Promise<string | null> {
  const sent = await untilAnswered(means, { what: `picture ${jobId}`, signal }, () =>
    sendPicture(means.access, jobId, png, signal),
  );
  return sent?.kind === 'refused' ? sent.message : null;
}

interface Unreachable {
  readonly kind: 'unreachable';
  readonly message: string;
}

/** Asks the server until it answers. @returns null when the request's time is over before */
async function untilAnswered<A extends { readonly kind: string }>(
  { clock, randomness, log }: Means,
  { what, signal }: { readonly what: string; readonly signal: AbortSignal },
  ask: () => Promise<A | Unreachable>,
): Promise<Exclude<A, Unreachable> | null> {
  for (let failures = 0; !signal.aborted; failures++) {
    const answer = await ask();
    if (answer.kind !== 'unreachable') return answer as Exclude<A, Unreachable>;
    if (signal.aborted) break;
    if (failures === 0) log(`${what}: ${(answer as Unreachable).message}; trying again until its deadline`);
    const bounds = { baseMs: timings.reconnectBaseMs, maxMs: timings.reconnectMaxMs };
    await sleep(clock, backoffMs(failures, randomness.uniform(), bounds), signal);
  }
  return null;
}

/** A preview that is too large for a message stays away. */
function inMessage({ preview, ...progress }: StageProgress) {
  const text = preview && Buffer.from(preview).toString('base64');
  return text && text.length <= limits.previewCharacters ? { ...progress, preview: text } : progress;
}

function figures({ versionDigest, variant }: RunningModel, { made, peakRssBytes }: Generated, cached: boolean) {
  const { png, latencyMs, stagesMs, seed, steps, width, height, negativeUnreadUpTo } = made;
  return {
    sha256: createHash('sha256').update(png).digest('hex'),
    sizeBytes: png.length,
    latencyMs,
    stagesMs: { ...stagesMs },
    ...{ versionDigest, variant, seed, steps, width, height },
    embeddingsReused: made.embeddingsReused,
    ...(peakRssBytes !== null && { peakRssBytes }),
    ...(cached && { cached }),
    ...(made.tiled && { tiled: true }),
    ...(negativeUnreadUpTo !== undefined && { negativeUnreadUpTo }),
    promptCuts: made.promptCuts.map((cut) => ({ ...cut, unread: cut.unread.slice(0, limits.promptCharacters) })),
    unknownWords: made.unknownWords.slice(0, UNKNOWN_WORDS).map((word) => word.slice(0, 100)),
  };
}
