// What a version that runs beside the current one does: it answers requests that were answered, and it is promoted.
import type { DesiredModel } from '../shared/desired-state.ts';
import { messageOf } from '../shared/errors.ts';
import { engineSpec } from './engine-spec.ts';
import { shadow } from './jobs/shadow.ts';
import type { Means } from './means.ts';
import type { VersionPlace } from './rules/kept-versions.ts';
import { ShadowQueue, type ShadowRequest } from './shadow-queue.ts';
import { promote } from './steps/promote.ts';
import { unlessAborted } from './unless-aborted.ts';
import type { WorkList } from './work-list.ts';

export class ShadowWork {
  private readonly means: Means;
  private readonly work: WorkList;
  private readonly queue = new ShadowQueue();
  private readonly onPromoted: () => void;

  /** @param onPromoted told that the version before is no longer needed at hand */
  constructor(means: Means, work: WorkList, onPromoted: () => void) {
    this.means = means;
    this.work = work;
    this.onPromoted = onPromoted;
  }

  waiting(): readonly { readonly id: string }[] {
    return this.queue.waiting();
  }

  /** A request was answered; where a shadow of the same model runs, it answers it, too. */
  ask(asked: ShadowRequest): void {
    if (asked.place.role === 'current' && this.shadowOf(asked.place.model)) this.queue.add(asked);
  }

  /** The first picture of an engine takes longer than the next ones and is compared with nothing. */
  async isWarm(place: VersionPlace): Promise<boolean> {
    const spec = await engineSpec(this.means.store, place).catch(() => null);
    return spec !== null && this.means.engines.isLoaded(spec);
  }

  answer(id: string): void {
    const { store, log } = this.means;
    const asked = this.queue.begin(id);
    const place = asked && this.shadowOf(asked.place.model);
    if (!asked || !place) {
      this.queue.done(id);
      return;
    }
    const about = { kind: 'shadow', id, phase: 'shadow', timed: false, exclusive: false } as const;
    this.work.start(about, async ({ signal }) => {
      const outcome = await shadow(this.means, { asked, place, signal });
      return () => {
        if (outcome.kind === 'stopped') return;
        if (outcome.kind === 'compared') store.outgoing.append({ kind: 'shadow', ...outcome.comparison });
        else log(`${place.model}@${place.version} as a shadow: ${outcome.message}`);
        this.queue.done(id);
      };
    });
  }

  /** Pictures go on meanwhile; the switch comes when the engine is there, and also when it will not load. */
  promote(wanted: DesiredModel): void {
    const { store, engines, log } = this.means;
    const { installationId: id, model, version } = wanted;
    const about = { kind: 'promotion', id, phase: 'load', timed: false, exclusive: false } as const;
    this.work.start(about, async ({ signal }) => {
      await engineSpec(store, wanted)
        .then((spec) => unlessAborted(engines.get(spec), signal))
        .catch((error) => log(`${model}@${version}: ${messageOf(error)}`));
      return () => {
        if (signal.aborted) return;
        promote(store, wanted);
        this.onPromoted();
        log(`${model}@${version} is current now`);
      };
    });
  }

  private shadowOf(model: string) {
    return this.means.store.places.running().find((place) => place.role === 'shadow' && place.model === model);
  }
}
