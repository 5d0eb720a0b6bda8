// Pictures kept for requests that allow an answer from before: the same version, prompt, seed and settings give the same
// bytes, so the engine need not make them again. Only pictures of such requests are kept, and benches never look here.
import type { PictureRequest } from '../shared/messages.ts';
import type { GeneratedPicture } from './engine/engine.ts';

const MOST_BYTES = 8 * 1024 * 1024;

export class PictureCache {
  private readonly pictures = new Map<string, GeneratedPicture>();
  private bytes = 0;

  find(key: string): GeneratedPicture | null {
    const found = this.pictures.get(key);
    if (!found) return null;
    // The one asked for last goes to the end; the first is the next to go.
    this.pictures.delete(key);
    this.pictures.set(key, found);
    return found;
  }

  keep(key: string, picture: GeneratedPicture): void {
    if (this.pictures.has(key) || picture.png.length > MOST_BYTES) return;
    this.pictures.set(key, picture);
    this.bytes += picture.png.length;
    for (const [oldest, { png }] of this.pictures) {
      if (this.bytes <= MOST_BYTES) break;
      this.pictures.delete(oldest);
      this.bytes -= png.length;
    }
  }
}

/** What decides the picture: everything of the request but how it is served and by which name its version goes. */
export function pictureKey(
  place: { readonly versionDigest: string; readonly variant: string },
  { priority, previews, allowCached, requestedBy, model, version, ...settings }: PictureRequest,
): string {
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([place.versionDigest, place.variant, sorted]);
}
