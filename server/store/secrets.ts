// Keys (sk), device credentials (sd) and enrolment tokens (st): `<kind>_<id>_<secret>`. The secret is 256 random bits, so
// a plain sha256 is enough to keep it by; only the hash is stored.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Randomness } from '../../shared/clock.ts';

export type SecretKind = 'sk' | 'sd' | 'st';

export interface NewSecret {
  /** What its owner keeps; it cannot be shown again. */
  readonly text: string;
  readonly sha256: string;
}

const SECRET_BYTES = 32;
const FORM = /^(sk|sd|st)_([a-z]{1,4}_[0-9a-hjkmnp-tv-z]{26})_([0-9a-f]{64})$/;

export function newSecret(kind: SecretKind, id: string, randomness: Randomness): NewSecret {
  const secret = Buffer.from(randomness.bytes(SECRET_BYTES)).toString('hex');
  return { text: `${kind}_${id}_${secret}`, sha256: sha256Of(secret) };
}

/** Null for anything that is not of the form. */
export function parseSecret(text: string): { kind: SecretKind; id: string; secret: string } | null {
  const match = FORM.exec(text);
  return match ? { kind: match[1] as SecretKind, id: match[2] as string, secret: match[3] as string } : null;
}

/** In constant time. */
export function isSecret(secret: string, sha256: string): boolean {
  return timingSafeEqual(Buffer.from(sha256Of(secret), 'hex'), Buffer.from(sha256, 'hex'));
}

const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');
