import { StillError } from '../../../shared/errors.ts';
import type { PictureRequest, RunningModel } from '../../../shared/messages.ts';
import type { Db } from '../../store/database.ts';
import * as versions from '../../store/versions.ts';

/** Why not, and what to do: publish it, take a variant that there is, roll it out. */
export async function runsNothing(
  tx: Db,
  { model, version, variant }: PictureRequest,
  { who, runs }: { readonly who: string; readonly runs: readonly RunningModel[] },
): Promise<StillError> {
  const published = (await versions.list(tx)).filter(
    (one) => (model === undefined || one.model === model) && (version === undefined || one.version === version),
  );
  const asked = [model, version].filter(Boolean).join('@');
  if (asked && published.length === 0)
    return new StillError(
      'not_found',
      `${asked} is not published; "still publish FOLDER" publishes a version, "still models" lists what is`,
    );
  const variants = [...new Set(published.flatMap(({ manifest }) => manifest.variants.map(({ name }) => name)))];
  if (variant && !variants.includes(variant))
    return new StillError(
      'unprocessable',
      `${asked || 'what is published'} has no variant "${variant}"; there is ${variants.join(', ') || 'none'}`,
    );
  const instead = runs.filter((one) => (model ?? one.model) === one.model && (version ?? one.version) === one.version);
  const others = variant && instead.length > 0 ? `, but as ${instead.map((one) => one.variant).join(', ')}` : '';
  const what = [asked || 'model', variant].filter(Boolean).join(' as ');
  const verb = who.startsWith('none of') ? 'runs' : 'runs no';
  return new StillError('unprocessable', `${who} ${verb} ${what}${others}; roll it out there first`);
}
