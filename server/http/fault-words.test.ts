import { expect, it } from 'vitest';
import { z } from 'zod';
import { faultWords } from './fault-words.ts';

it.each<[z.ZodType, unknown, string]>([
  [z.string().max(3), 'abcd', 'too long; at most 3 characters are taken'],
  [z.string().min(1), '', 'empty'],
  [z.string().min(8), 'abc', 'too short; at least 8 characters are needed'],
  [z.array(z.int()).max(1), [1, 2], 'too long; at most 1 entries are taken'],
  [z.array(z.int()).min(1), [], 'empty'],
  [z.number().max(1), 2, 'too large; at most 1 is taken'],
  [z.number().lt(1), 1, 'too large; less than 1 is taken'],
  [z.number().gt(0), 0, 'too small; more than 0 is needed'],
  [z.int().min(1000), 1, 'too small; at least 1000 is needed'],
  [z.enum(['a', 'b']), 'c', 'Invalid option: expected one of "a"|"b"'],
])('%#: of %j', (schema, value, words) => {
  expect(schema.safeParse(value).error?.issues.map(faultWords)).toEqual([words]);
});
