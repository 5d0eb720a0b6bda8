// What a handler is: typed by the table of routes, so that what it reads was checked and what it answers fits.
import type { Request, Response } from 'express';
import type { AnswerOf, BodyOf, ParamsOf, QueryOf, RouteName, Scope } from '../../shared/http-api.ts';

export type Caller =
  | { readonly kind: 'key'; readonly keyId: string; readonly name: string; readonly scope: Scope }
  | { readonly kind: 'device'; readonly deviceId: string; readonly name: string }
  | { readonly kind: 'nobody' };

export interface Exchange<N extends RouteName> {
  readonly params: ParamsOf<N>;
  readonly query: QueryOf<N>;
  readonly body: BodyOf<N>;
  readonly caller: Caller;
  /** Who it is, for the record. */
  readonly actor: string;
  readonly request: Request;
  readonly response: Response;
}

/** Returns the JSON answer; a route that answers anything else writes it itself. */
export type Handler<N extends RouteName> = (exchange: Exchange<N>) => Promise<AnswerOf<N>>;
export type Handlers = { readonly [N in RouteName]: Handler<N> };

/** Short, and still tells two keys of one name apart. */
export function actorOf(caller: Caller): string {
  switch (caller.kind) {
    case 'key':
      return `${caller.name}/${caller.keyId.slice(-6)}`;
    case 'device':
      return `device:${caller.name}`;
    case 'nobody':
      return 'nobody';
  }
}
