import { describe, expect, it } from 'vitest';
import { agentVersion, HELP, parseConfig } from './config.ts';

const least = ['--server', 'http://still.local:8080', '--data', '/var/lib/x'];

describe('parseConfig', () => {
  it('reads the command line, and the environment where that is silent', () => {
    const environment = {
      STILL_SERVER: 'http://other',
      STILL_NAME: 'pi-hall',
      STILL_TOKEN: '',
      STILL_MQTT: 'mqtts://b:8883',
    };
    const args = [...least, '--label', 'site=home', '--label', 'rack=3', '--threads', '2', '--streams', '2'];
    const parsed = parseConfig(args, environment);
    expect(parsed).toMatchObject({
      kind: 'config',
      config: {
        name: 'pi-hall',
        token: null,
        folder: '/var/lib/x',
        threads: 2,
        streams: 2,
        labels: { site: 'home', rack: '3' },
      },
    });
    if (parsed.kind !== 'config') return;
    expect(parsed.config.server.href).toBe('http://still.local:8080/');
    expect(parsed.config.mqtt?.host).toBe('b:8883');
  });

  it('prints help and version', () => {
    expect(parseConfig(['--help'], {})).toEqual({ kind: 'print', text: HELP });
    expect(parseConfig(['--version'], {})).toEqual({ kind: 'print', text: `${agentVersion}\n` });
  });

  it.each([
    ['no server', ['--data', '/tmp/x'], /--server is missing/],
    ['no data folder', ['--server', 'http://x'], /--data is missing/],
    [
      'a server that is no address',
      ['--server', 'x', '--data', '/tmp/x'],
      /--server "x" is no address; expected http:/,
    ],
    [
      'a broker that speaks something else',
      [...least, '--mqtt', 'http://x'],
      /--mqtt "http:\/\/x" is no address; expected mqtt:/,
    ],
    ['a bad name', [...least, '--name', 'Pi Kitchen'], /--name "Pi Kitchen": expected a DNS label/],
    ['a bad label', [...least, '--label', 'home'], /--label "home": expected KEY=VALUE/],
    [
      'too many labels',
      [...least, ...Array.from({ length: 33 }, (_, n) => ['--label', `a${n}=b`]).flat()],
      /33 are given, at most 32/,
    ],
    ['no threads', [...least, '--threads', '0'], /--threads "0": expected a whole number/],
    ['half a stream', [...least, '--streams', '0.5'], /--streams "0.5": expected a whole number/],
    ['an unknown option', ['--nonsense'], /--nonsense.*--help/s],
  ])('refuses %s and names it', (_name, args, words) => {
    expect(() => parseConfig(args, {})).toThrow(words);
  });
});
