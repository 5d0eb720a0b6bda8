import { askServer, type ServerAccess } from './ask-server.ts';

export type Sent =
  | { readonly kind: 'sent' }
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string };

/** Delivers one picture; asked once. Repeating it changes nothing on the server. */
export async function sendPicture(
  access: ServerAccess,
  pictureId: string,
  png: Uint8Array,
  signal: AbortSignal,
): Promise<Sent> {
  const answer = await askServer(access, {
    method: 'PUT',
    path: `/v1/pictures/${pictureId}/content`,
    headers: { 'content-type': 'image/png' },
    body: png,
    signal,
  });
  if (answer.kind === 'unreachable') return answer;
  if (answer.kind === 'refused') return { kind: answer.mayPass ? 'unreachable' : 'refused', message: answer.message };
  answer.response.resume();
  return { kind: 'sent' };
}
