// The PNGs that a picture begins from: the image, and the mask that says what of it to paint anew.
import { createHash } from 'node:crypto';
import { messageOf } from '../../shared/errors.ts';
import { askServer, type ServerAccess } from './ask-server.ts';
import { readBytes } from './read-bytes.ts';

export type Beginning =
  | { readonly kind: 'image'; readonly image: Uint8Array }
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string };

/** Asked once; the bytes are those of the digest. */
export async function fetchBeginning(
  access: ServerAccess,
  { pictureId, name }: { readonly pictureId: string; readonly name: 'image' | 'mask' },
  { sha256, sizeBytes }: { readonly sha256: string; readonly sizeBytes: number },
  signal: AbortSignal,
): Promise<Beginning> {
  const answer = await askServer(access, { method: 'GET', path: `/v1/pictures/${pictureId}/${name}`, signal });
  if (answer.kind === 'unreachable') return answer;
  if (answer.kind === 'refused') return { kind: answer.mayPass ? 'unreachable' : 'refused', message: answer.message };
  try {
    const image = await readBytes(answer.response, sizeBytes, access.clock);
    const digest = image && createHash('sha256').update(image).digest('hex');
    if (image && digest === sha256) return { kind: 'image', image };
    return { kind: 'unreachable', message: `the ${name} to begin from came as ${digest ?? 'more bytes than said'}` };
  } catch (error) {
    return { kind: 'unreachable', message: messageOf(error) };
  }
}
