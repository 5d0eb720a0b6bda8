import type { ZodError } from 'zod';

type Issue = ZodError['issues'][number];

/** What is wrong with a value that a caller sent, in plain words: those of the schema speak of strings and arrays. */
export function faultWords(issue: Issue): string {
  if (issue.code !== 'too_big' && issue.code !== 'too_small') return issue.message;
  const unit = UNITS[issue.origin];
  if (unit === undefined) return issue.message;
  if (issue.code === 'too_big')
    return unit
      ? `too long; at most ${issue.maximum} ${unit} are taken`
      : `too large; ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum} is taken`;
  if (unit) return issue.minimum === 1 ? 'empty' : `too short; at least ${issue.minimum} ${unit} are needed`;
  return `too small; ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum} is needed`;
}

/** Of what they count; numbers count nothing. */
const UNITS: Readonly<Record<string, string>> = { string: 'characters', array: 'entries', number: '', int: '' };
