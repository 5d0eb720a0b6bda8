// Every identifier that crosses a border, with the one pattern that it must match.
import { z } from 'zod';

/** A device's unique name: one DNS label (RFC 1123), so that it can stand in a path, a topic and a host name. */
export const DeviceName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'expected a DNS label: lower-case letters, digits and "-", at most 63',
  );

/** Ids made by the server: a short prefix that tells the kind, then 26 characters of Crockford base 32 (time first). */
export const idLike = (prefix: IdPrefix) =>
  z.string().regex(/^[a-z]{1,4}_[0-9a-hjkmnp-tv-z]{26}$/, `expected an id such as ${prefix}_01j...`);
export const Id = idLike('dev');

/** SHA-256 in lower-case hexadecimal. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits (sha256)');

export const ModelName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$/, 'expected a model name such as scenes-lite');

/** Semantic Versioning 2.0.0 without build metadata. */
export const VersionNumber = z
  .string()
  .max(64)
  .regex(/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$/, 'expected a semantic version such as 1.2.0');

/** `model@version`, as people write it. */
export const VersionRef = z.string().transform((text, context) => {
  const at = text.indexOf('@');
  const model = ModelName.safeParse(text.slice(0, at));
  const version = VersionNumber.safeParse(text.slice(at + 1));
  if (at < 1 || !model.success || !version.success) {
    context.addIssue({ code: 'custom', message: `expected MODEL@VERSION such as scenes-lite@1.2.0, got "${text}"` });
    return z.NEVER;
  }
  return { model: model.data, version: version.data };
});
export type VersionRef = z.infer<typeof VersionRef>;

export const LabelKey = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$/, 'expected a label key such as site');
/** With "/", beyond Kubernetes, for names of time zones. */
export const LabelValue = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/, 'expected a label value');
export const Labels = z.record(LabelKey, LabelValue);
export type Labels = z.infer<typeof Labels>;

export type IdPrefix = 'dev' | 'tok' | 'key' | 'rol' | 'ins' | 'job' | 'brn' | 'pic' | 'ver';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A new id: 48 bits of time, 80 bits of randomness (the ULID layout, lower case), so that ids sort by creation.
 *
 * @param nowMs UTC milliseconds
 * @param randomBytes gives `n` random bytes; handed in so that a simulation stays reproducible
 */
export function newId(prefix: IdPrefix, nowMs: number, randomBytes: (n: number) => Uint8Array): string {
  let time = '';
  for (let left = nowMs, i = 0; i < 10; i++, left = Math.floor(left / 32)) time = CROCKFORD[left % 32] + time;
  let random = '';
  for (const byte of randomBytes(16)) random += CROCKFORD[byte & 31];
  return `${prefix}_${time}${random}`;
}
