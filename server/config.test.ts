import { describe, expect, it, vi } from 'vitest';
import { readConfig, readPlace } from './config.ts';

describe('readConfig', () => {
  it('has defaults, on this machine only', () => {
    const parsed = readConfig([]);
    expect(parsed).toMatchObject({
      kind: 'config',
      config: {
        data: expect.stringMatching(/\.stillhouse\/server$/),
        http: { host: '127.0.0.1', port: 8080 },
        mqtt: { host: '127.0.0.1', port: 1883 },
        broker: null,
        egressBytesPerSecond: Number.POSITIVE_INFINITY,
      },
    });
  });

  it('takes an option before the environment', () => {
    vi.stubEnv('STILL_HTTP', '127.0.0.1:1');
    expect(readConfig([])).toMatchObject({ config: { http: { port: 1 } } });
    expect(readConfig(['--http', '0.0.0.0:2'])).toMatchObject({ config: { http: { host: '0.0.0.0', port: 2 } } });
    vi.unstubAllEnvs();
  });

  it.each([
    [['--http', 'nowhere']],
    [['--mqtt', '127.0.0.1:99999']],
    [['--broker', 'http://x']],
    [['--egress', 'fast']],
    [['--port', '1']],
    [['extra']],
  ])('tells what is wrong with %j and ends with 2', (args) => {
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(readConfig(args)).toEqual({ kind: 'done', exitCode: 2 });
    expect(told.mock.calls.join('')).toMatch(/error: .*(nowhere|99999|http:\/\/x|fast|--port|extra|arguments)/);
    told.mockRestore();
  });

  it('shows its help and ends with 0', () => {
    const told = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    expect(readConfig(['--help'])).toEqual({ kind: 'done', exitCode: 0 });
    expect(told.mock.calls.join('')).toContain('--mqtt');
    told.mockRestore();
  });
});

it.each([
  ['8080', '127.0.0.1', 8080],
  [':8080', '0.0.0.0', 8080],
  ['[::1]:0', '::1', 0],
  ['pi.local:80', 'pi.local', 80],
])('reads the place %s', (text, host, port) => {
  expect(readPlace(text)).toEqual({ host, port });
});
