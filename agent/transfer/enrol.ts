import type { z } from 'zod';
import { EnrolAnswer, routes } from '../../shared/http-api.ts';
import type { Labels } from '../../shared/ids.ts';
import type { Inventory } from '../../shared/inventory.ts';
import { limits } from '../../shared/limits.ts';
import { askServer, type ServerAccess } from './ask-server.ts';
import { readText } from './read-text.ts';
import type { Response } from './response.ts';

export type Enrolment =
  | { readonly kind: 'enrolled'; readonly answer: z.infer<typeof EnrolAnswer> }
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string };

/** Trades a token for this device's own credential; asked once. */
export async function enrol(
  access: ServerAccess,
  request: { readonly token: string; readonly name: string; readonly labels: Labels; readonly inventory: Inventory },
  signal?: AbortSignal,
): Promise<Enrolment> {
  const answer = await askServer(access, {
    method: 'POST',
    path: routes.enrol.path,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    ...(signal && { signal }),
  });
  if (answer.kind === 'unreachable') return answer;
  if (answer.kind === 'refused') return { kind: answer.mayPass ? 'unreachable' : 'refused', message: answer.message };
  const parsed = EnrolAnswer.safeParse(await jsonOf(answer.response, access).catch(() => null));
  return parsed.success
    ? { kind: 'enrolled', answer: parsed.data }
    : {
        kind: 'refused',
        message: `${access.server.href} does not answer like a Stillhouse server: ${parsed.error.message}`,
      };
}

async function jsonOf(response: Response, { clock }: ServerAccess): Promise<unknown> {
  return JSON.parse((await readText(response, limits.httpJsonBytes, clock)) ?? '');
}
