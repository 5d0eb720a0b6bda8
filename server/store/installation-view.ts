import type { z } from 'zod';
import type { InstallationView } from '../../shared/http-api.ts';
import type { Installation } from './installations.ts';

/** @param device the device's name */
export function viewInstallation(installation: Installation, device: string): z.infer<typeof InstallationView> {
  const { installationId, model, version, variant, rolloutId, generation, state, reason } = installation;
  return {
    ...{ installationId, device, model, version, variant, rolloutId, generation, state, reason },
    since: new Date(installation.sinceMs).toISOString(),
    deadline: installation.deadlineMs === null ? null : new Date(installation.deadlineMs).toISOString(),
  };
}
