import { stripVTControlCharacters } from 'node:util';
import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { StillError } from '../../shared/errors.ts';
import { tellFailure } from './tell-failure.ts';

test('what was wrong, where, what to do', () => {
  const failure = tellFailure(
    new StillError('unprocessable', 'the rollout was refused', {
      problems: [{ field: 'waves', message: 'must ascend' }, { message: 'try 1,25%,100%' }],
    }),
  );
  expect(stripVTControlCharacters(failure.text)).toBe(
    'error: the rollout was refused\n       waves: must ascend\n       try 1,25%,100%',
  );
});

test('what the message says already is not said again', () => {
  const problems = [{ field: 'rolloutId', message: 'expected an id such as rol_01j...' }];
  const failure = tellFailure(
    new StillError('invalid_input', 'rolloutId: expected an id such as rol_01j...', { problems }),
  );
  expect(stripVTControlCharacters(failure.text)).toBe('error: rolloutId: expected an id such as rol_01j...');
});

test('what is listed is not counted', () => {
  const problems = ['width', 'height'].map((field) => ({ field, message: 'too small' }));
  const failure = tellFailure(new StillError('invalid_input', 'width: too small (and 1 more)', { problems }));
  expect(stripVTControlCharacters(failure.text)).toBe('error: width: too small\n       height: too small');
});

test('a program is told the code, and each problem with what to do', () => {
  const problems = [{ field: 'waves', message: 'must ascend' }, { message: 'try 1,25%,100%' }];
  expect(tellFailure(new StillError('unprocessable', 'refused', { problems })).error).toEqual({
    code: 'unprocessable',
    message: 'refused',
    problems,
  });
  expect(tellFailure(new Error('anything else')).error).toMatchObject({ code: 'internal', message: 'anything else' });
  expect(tellFailure(new CommanderError(0, 'commander.helpDisplayed', '')).error).toBe(null);
});

test.each([
  [new StillError('internal', ''), 1],
  [new StillError('not_found', ''), 1],
  [new StillError('timeout', ''), 1],
  [new Error('anything else'), 1],
  [new StillError('invalid_input', ''), 2],
  [new CommanderError(1, 'commander.unknownOption', ''), 2],
  [new CommanderError(0, 'commander.helpDisplayed', ''), 0],
  [new StillError('unavailable', ''), 3],
  [new StillError('forbidden', ''), 4],
  [new StillError('conflict', ''), 4],
])('the exit code tells the kind (%#)', (thrown, exitCode) => {
  expect(tellFailure(thrown).exitCode).toBe(exitCode);
});
