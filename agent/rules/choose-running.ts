import type { RunningModel } from '../../shared/messages.ts';

/** The version that a picture request means: the one it names, else the first current one. Shadows only when named. */
export function chooseRunning(
  request: { readonly model?: string; readonly version?: string; readonly variant?: string },
  running: readonly RunningModel[],
): RunningModel | null {
  const fitting = running.filter(
    ({ model, version, variant }) =>
      (request.model === undefined || model === request.model) &&
      (request.version === undefined || version === request.version) &&
      (request.variant === undefined || variant === request.variant),
  );
  const current = fitting.find(({ role }) => role === 'current');
  return current ?? (request.version === undefined ? null : (fitting[0] ?? null));
}
