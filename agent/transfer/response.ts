/** What is used of node:http's IncomingMessage. */
export interface Response extends AsyncIterable<Buffer> {
  readonly statusCode?: number | undefined;
  readonly statusMessage?: string | undefined;
  resume(): unknown;
  destroy(error?: Error): unknown;
}
