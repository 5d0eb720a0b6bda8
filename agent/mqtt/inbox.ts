// A message from the server, decoded once and put into the mailbox. What does not parse is counted and told once a kind;
// it is acknowledged all the same, or the broker would send it for ever.
import { Ack, Command, type Decoded, Desired, decode } from '../../shared/messages.ts';
import { parseTopic } from '../../shared/topics.ts';
import type { Mailbox } from '../mailbox.ts';

export class Inbox {
  /** How many messages of each kind did not parse. */
  readonly malformed = new Map<string, number>();
  private readonly deviceId: string;
  private readonly mailbox: Mailbox;
  private readonly log: (line: string) => void;

  constructor(options: { deviceId: string; mailbox: Mailbox; log: (line: string) => void }) {
    this.deviceId = options.deviceId;
    this.mailbox = options.mailbox;
    this.log = options.log;
  }

  /** When this returns, the message is on the disk; when it throws, it must not be acknowledged. */
  receive(topic: string, payload: Uint8Array): void {
    const parsed = parseTopic(topic);
    if (parsed?.direction !== 'down' || parsed.deviceId !== this.deviceId)
      this.count('topic', `a message came on "${topic.slice(0, 100)}", which is not one of this device's`);
    else if (parsed.kind === 'desired')
      this.take('desired', decode(Desired, payload), ({ desired }) => this.mailbox.desired(desired));
    else if (parsed.kind === 'command')
      this.take('command', decode(Command, payload), (command) => this.mailbox.command(command));
    else this.take('ack', decode(Ack, payload), (ack) => this.mailbox.acknowledged(ack));
  }

  private take<T>(kind: string, decoded: Decoded<T>, deliver: (message: T) => void): void {
    if (decoded.kind === 'message') deliver(decoded.message);
    else this.count(kind, `a ${kind} that does not parse was dropped: ${decoded.why} (begins "${decoded.firstBytes}")`);
  }

  private count(kind: string, line: string): void {
    const before = this.malformed.get(kind) ?? 0;
    this.malformed.set(kind, before + 1);
    if (before === 0) this.log(`${line.replaceAll('\n', ' ')}; further ones of this kind are only counted`);
  }
}
