// What every command needs: the server, and somewhere to speak.
import type { Command } from 'commander';
import { Client } from './client.ts';
import { readConnection } from './config.ts';
import { Screen } from './screen.ts';

export interface Session {
  readonly client: Client;
  readonly screen: Screen;
}

interface GlobalOptions {
  readonly server?: string;
  readonly key?: string;
  readonly json?: boolean;
}

export function openSession(command: Command): Session {
  const { server, key, json = false } = command.optsWithGlobals<GlobalOptions>();
  return { client: new Client(readConnection({ server, key })), screen: new Screen(json) };
}
