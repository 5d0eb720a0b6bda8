// Starts the server, says `ready`, and stops in order at SIGTERM or SIGINT; a second signal stops at once.
import { ERROR_CODES, messageOf, StillError } from '../shared/errors.ts';
import { timings } from '../shared/limits.ts';
import { type HeardSignal, isEcho } from '../shared/signal-echo.ts';
import { readConfig } from './config.ts';
import packageJson from './package.json' with { type: 'json' };
import { startServer } from './start-server.ts';
import { systemClock, systemLog, systemRandomness } from './system-world.ts';

const parsed = readConfig(process.argv.slice(2));
if (parsed.kind === 'done') process.exitCode = parsed.exitCode;
else
  try {
    const { config } = parsed;
    const { version } = packageJson;
    const server = await startServer(config, {
      clock: systemClock,
      randomness: systemRandomness,
      log: systemLog,
      version,
    });
    stopOnSignal(server.stop);
    process.stdout.write(`ready http=${server.httpUrl} mqtt=${server.mqttUrl} data=${config.data}\n`);
  } catch (error) {
    process.stderr.write(`still serve: ${messageOf(error)}\n`);
    process.exitCode = error instanceof StillError ? ERROR_CODES[error.code][1] : 1;
  }

function stopOnSignal(stop: () => Promise<void>): void {
  let first: HeardSignal | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const heard = { signal, atMs: performance.now() };
    if (first) {
      if (!isEcho(first, heard)) process.exit(1);
      return;
    }
    first = heard;
    systemLog('info', 'stopping', { signal });
    setTimeout(() => {
      systemLog('error', 'did not stop in time', { shutdownMs: timings.shutdownMs });
      process.exit(1);
    }, timings.shutdownMs).unref();
    void stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
