// Requests that were answered and wait for the shadow to answer them, too. In memory and bounded: a comparison that is lost
// is one fewer, and on a device that is always busy only the newest ones count.
import type { PictureRequest, RunningModel } from '../shared/messages.ts';
import type { GeneratedPicture } from './engine/engine.ts';

export interface ShadowRequest {
  readonly id: string;
  readonly request: PictureRequest;
  /** Of the version whose picture was returned. */
  readonly place: RunningModel;
  readonly made: GeneratedPicture;
}

const MOST_WAITING = 8;
/** A request that had to make way so often is given up. */
const MOST_BEGINNINGS = 3;

export class ShadowQueue {
  private readonly entries: { readonly asked: ShadowRequest; beginnings: number }[] = [];

  add(asked: ShadowRequest): void {
    this.entries.push({ asked, beginnings: 0 });
    if (this.entries.length > MOST_WAITING) this.entries.shift();
  }

  waiting(): readonly { readonly id: string }[] {
    return this.entries.map(({ asked }) => asked);
  }

  /** @returns null for one that is no longer here, or was begun too often */
  begin(id: string): ShadowRequest | null {
    const entry = this.entries.find(({ asked }) => asked.id === id);
    if (!entry || ++entry.beginnings > MOST_BEGINNINGS) return null;
    return entry.asked;
  }

  done(id: string): void {
    const place = this.entries.findIndex(({ asked }) => asked.id === id);
    if (place >= 0) this.entries.splice(place, 1);
  }
}
