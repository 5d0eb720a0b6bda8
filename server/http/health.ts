import { ERROR_CODES } from '../../shared/errors.ts';
import type { Handlers } from './route.ts';

/** Name → "ok", or what is wrong. */
export type Checks = () => Promise<Readonly<Record<string, string>>>;

export function healthHandlers({
  checks,
  stopping,
}: {
  checks: Checks;
  stopping: () => boolean;
}): Pick<Handlers, 'health' | 'ready'> {
  return {
    health: async () => ({ status: stopping() ? 'stopping' : 'ok', checks: {} }),
    ready: async ({ response }) => {
      const found = { ...(await checks()) };
      const fails = Object.values(found).some((state) => state !== 'ok');
      if (fails || stopping()) response.status(ERROR_CODES.unavailable[0]);
      return { status: stopping() ? 'stopping' : fails ? 'failing' : 'ok', checks: found };
    },
  };
}
