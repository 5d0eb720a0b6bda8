// The one door that turns what was thrown into an answer: RFC 9457 problem details, whatever it was.
import { STATUS_CODES } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { ZodError } from 'zod';
import { ERROR_CODES, type ErrorCode, messageOf, StillError } from '../../shared/errors.ts';
import type { ProblemJson } from '../../shared/http-api.ts';
import { limits } from '../../shared/limits.ts';
import type { Log } from '../store/world.ts';
import { faultWords } from './fault-words.ts';

const PROBLEMS_SHOWN = 50;

export function problemHandler(log: Log) {
  return (thrown: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const fault = toStillError(thrown);
    if (fault.code === 'internal')
      log('error', 'a request failed', {
        ...{ method: request.method, path: request.path },
        error: thrown instanceof Error ? thrown.stack : messageOf(thrown),
      });
    // Half an answer cannot be taken back; ending the connection says that it is not whole.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const problem = problemOf(fault);
    // What is left of the body is not read.
    if (!request.complete) response.set('connection', 'close');
    if (fault.code === 'unauthenticated') response.set('www-authenticate', 'Bearer');
    if (fault.code === 'too_many') response.set('retry-after', '60');
    response.removeHeader('etag');
    response.set('cache-control', 'no-store');
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  };
}

export function problemOf({ code, message, problems }: StillError): ProblemJson {
  const [status, , title] = ERROR_CODES[code];
  return {
    type: `urn:stillhouse:problem:${code}`,
    title,
    status,
    code,
    detail: code === 'internal' ? 'something went wrong on the server; its log says what' : message,
    ...(problems.length > 0 && {
      problems: problems.slice(0, PROBLEMS_SHOWN).map(({ field, message }) => ({ ...(field && { field }), message })),
    }),
  };
}

function toStillError(thrown: unknown): StillError {
  if (thrown instanceof StillError) return thrown;
  if (thrown instanceof ZodError) return invalidInput(thrown);
  if (isHttpError(thrown)) return fromHttpError(thrown);
  return new StillError('internal', messageOf(thrown), { cause: thrown });
}

function invalidInput(error: ZodError): StillError {
  const problems = error.issues.map((issue) => ({ field: issue.path.join('.') || 'body', message: faultWords(issue) }));
  const first = problems[0];
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new StillError('invalid_input', `${first?.field}: ${first?.message}${more}`, { problems, cause: error });
}

/** What express, body-parser and send throw. */
interface HttpError extends Error {
  readonly status: number;
  readonly type?: string;
}

const isHttpError = (thrown: unknown): thrown is HttpError =>
  thrown instanceof Error && 'status' in thrown && typeof thrown.status === 'number';

function fromHttpError(error: HttpError): StillError {
  const { status, type, message } = error;
  const cause = error;
  if (type === 'entity.parse.failed')
    return new StillError('invalid_input', `the body is no JSON: ${message}`, {
      cause,
      problems: [{ field: 'body', message }],
    });
  if (type === 'entity.too.large')
    return new StillError('too_large', `the body is larger than the limit of ${limits.httpJsonBytes} bytes`, { cause });
  const code = (Object.keys(ERROR_CODES) as ErrorCode[]).find((one) => ERROR_CODES[one][0] === status);
  if (code) return new StillError(code, message || STATUS_CODES[status] || 'refused', { cause });
  return new StillError(status < 500 ? 'invalid_input' : 'internal', message, { cause });
}
