import type { PictureRequest, RunningModel } from '../../../shared/messages.ts';

/** The same choice as the agent's: the version that is named, else the first current one. */
export function wouldRun(
  running: readonly RunningModel[],
  { model, version, variant }: PictureRequest,
): RunningModel | null {
  const fitting = running.filter(
    (one) =>
      (model === undefined || one.model === model) &&
      (version === undefined || one.version === version) &&
      (variant === undefined || one.variant === variant),
  );
  const current = fitting.find(({ role }) => role === 'current');
  return current ?? (version === undefined ? null : (fitting[0] ?? null));
}
