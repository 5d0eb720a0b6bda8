// A picture that nobody sees: the shadow answers a request that the current version has answered, and the two are compared.
import { messageOf } from '../../shared/errors.ts';
import type { RunningModel, ShadowComparison } from '../../shared/messages.ts';
import { engineSpec } from '../engine-spec.ts';
import { makeRoom } from '../make-room.ts';
import type { Means } from '../means.ts';
import type { ShadowRequest } from '../shadow-queue.ts';
import { unlessAborted } from '../unless-aborted.ts';

export type ShadowOutcome =
  | { readonly kind: 'compared'; readonly comparison: ShadowComparison }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'stopped' };

export async function shadow(
  means: Means,
  { asked, place, signal }: { asked: ShadowRequest; place: RunningModel; signal: AbortSignal },
): Promise<ShadowOutcome> {
  const { made } = asked;
  const { prompt, seed, steps, guidanceScale, width, height, scheduler, negativePrompt } = asked.request;
  const tiled = made.tiled ?? asked.request.tiled;
  const request = { prompt, seed, steps, guidanceScale, width, height, scheduler, negativePrompt, tiled };
  try {
    const spec = await engineSpec(means.store, place);
    const isLoaded = means.engines.isLoaded(spec);
    if (!isLoaded && !(await makeRoom(means, spec, { starts: true })))
      return { kind: 'failed', message: 'there is no room for its engine beside the others; nothing was compared' };
    const engine = await unlessAborted(means.engines.get(spec), signal);
    // The first picture of an engine is not worth comparing. An encoding that is remembered counts for both or for none.
    if (!isLoaded) await engine.generate(request, { signal });
    const second = await engine.generate({ ...request, fresh: made.embeddingsReused === 0 }, { signal });
    const likeness = await means.measure.compareShadow({ engine, spec, prompt, pngs: [made.png, second.png] });
    if (signal.aborted) return { kind: 'stopped' };
    const { version, versionDigest, variant } = asked.place;
    return {
      kind: 'compared',
      comparison: {
        installationId: place.installationId,
        against: { version, versionDigest, variant },
        latencyMs: [made.latencyMs, second.latencyMs],
        ...likeness,
      },
    };
  } catch (error) {
    return signal.aborted ? { kind: 'stopped' } : { kind: 'failed', message: messageOf(error) };
  }
}
