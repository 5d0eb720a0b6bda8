// The installer as a new device runs it: production build, real server, a bare Debian in a folder, no systemd in it.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../deploy/build/root.ts';
import { Fleet, type RunningServer } from '../e2e/fleet.ts';
import { createToken } from '../e2e/raw-device.ts';
import { has, isRoot } from './tools.ts';

const SETUP_MS = 400_000;

describe.runIf(isRoot() && has('debootstrap'))('the installer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-deploy-'));
  const debian = join(folder, 'debian');
  const built = join(folder, 'dist');
  const fleet = new Fleet();
  let server: RunningServer;

  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, 'deploy/build/main.ts'), '--arch', process.arch, '--out', built]);
    execFileSync('debootstrap', ['--variant=minbase', '--include=curl', 'bookworm', debian], { stdio: 'ignore' });
    server = await fleet.server({ entry: join(built, 'server/main.js') });
  }, SETUP_MS);
  afterAll(async () => {
    await fleet.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** `curl … | sh -s -- args` as root of the Debian; /proc is mounted for this process alone. */
  async function install(args: readonly string[], change: (script: string) => string = (same) => same) {
    const response = await fetch(new URL('/install.sh', server.url));
    const enter = 'mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh -s -- "$@"';
    const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', enter, debian, ...args], {
      input: change(await response.text()),
      encoding: 'utf8',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    return { status, out: stdout + stderr };
  }
  const at = (path: string) => join(debian, path);
  const mode = (path: string) => (statSync(at(path)).mode & 0o777).toString(8);
  const devices = async () => (await server.call('GET', '/v1/devices')).body as { name: string; labels: object }[];

  it('says what it would do, and does nothing', async () => {
    const { status, out } = await install(['--dry-run', '--token', 'abc', '--name', 'pi-kitchen']);
    expect(out).toContain('nothing was changed');
    expect({ status, opt: readdirSync(at('opt')) }).toEqual({ status: 0, opt: [] });
  });

  it.each([
    [['--name', 'Pi;reboot', '--token', 'a'], '--name Pi;reboot'],
    [['--name', 'pi', '--token', '$(id)'], '--token'],
    [['--name', 'pi', '--token', 'a', '--label', 'a b=c'], '--label a b=c'],
    [['--token', 'a'], '--name is missing'],
    [['--name', 'pi'], '--token is missing'],
    [['--purge'], '--purge goes with --uninstall'],
    [['--frobnicate'], '--frobnicate is not known'],
  ])('refuses %j', async (args, says) => {
    const { status, out } = await install(args);
    expect(out).toContain(says);
    expect({ status, opt: readdirSync(at('opt')) }).toEqual({ status: 2, opt: [] });
  });

  it.each([
    ['armv6l', 'armv6'],
    ['armv7l', '32-bit'],
    ['riscv64', 'not supported'],
  ])('names the reason on %s', async (machine, says) => {
    const script = (text: string) => text.replace('machine=$(uname -m)', `machine=${machine}`);
    const { status, out } = await install(['--name', 'pi', '--token', 'a'], script);
    expect(out).toContain(says);
    expect(status).toBe(1);
  });

  it('leaves nothing behind when a file arrives damaged', async () => {
    const script = (text: string) => text.replace(/^(node_\w+='[0-9a-f]{60})[0-9a-f]{4}'/gm, "$10000'");
    const { status, out } = await install(['--name', 'pi-kitchen', '--token', 'a'], script);
    expect(out).toContain('is damaged');
    expect({ status, left: readdirSync(at('opt/stillhouse/releases')) }).toEqual({ status: 1, left: [] });
  });

  it('tells when the server refuses the token', async () => {
    const { status, out } = await install(['--name', 'pi-kitchen', '--token', 'st_wrong']);
    expect(out).toContain('refuses to enrol');
    expect(status).toBe(1);
  });

  it('installs and enrols', async () => {
    const token = await createToken(server);
    const { status, out } = await install(['--name', 'pi-kitchen', '--token', token, '--label', 'site=home']);
    expect(out).toContain('pi-kitchen runs the agent');
    expect(out).toContain('systemd does not run here');
    expect(status).toBe(0);
    expect(await devices()).toMatchObject([{ name: 'pi-kitchen', labels: { site: 'home' } }]);
    expect(mode('etc/stillhouse/agent.env')).toBe('600');
    expect(mode('var/lib/stillhouse')).toBe('700');
    expect(mode('var/lib/stillhouse/credential.json')).toBe('600');
    expect(readFileSync(at('etc/stillhouse/agent.env'), 'utf8')).toContain(
      `STILL_SERVER=${new URL(server.url).origin}`,
    );
    expect(readFileSync(at('etc/stillhouse/agent.env'), 'utf8')).not.toContain(token);
    const uid = Number(/^stillhouse:[^:]*:(\d+):/m.exec(readFileSync(at('etc/passwd'), 'utf8'))?.[1]);
    expect(statSync(at('var/lib/stillhouse/credential.json')).uid).toBe(uid);
    expect(statSync(at('opt/stillhouse/current/agent/main.js')).uid).toBe(0);
    expect(existsSync(at('etc/systemd/system/stillhouse-agent.service'))).toBe(true);
  });

  it('changes nothing the second time, and needs no token for it', async () => {
    const credential = readFileSync(at('var/lib/stillhouse/credential.json'), 'utf8');
    const { status, out } = await install([]);
    expect(out).toContain('is here already');
    expect(out).toContain('keeping the credential of pi-kitchen');
    expect(status).toBe(0);
    expect(readFileSync(at('var/lib/stillhouse/credential.json'), 'utf8')).toBe(credential);
    expect(await devices()).toHaveLength(1);
  });

  it('does not turn one device into another', async () => {
    const { status, out } = await install(['--name', 'pi-other', '--token', 'a']);
    expect(out).toContain('enrolled as pi-kitchen, not as pi-other');
    expect(status).toBe(1);
  });

  it('keeps the release before this one at an upgrade, and no older one', async () => {
    const releases = at('opt/stillhouse/releases');
    const first = readlinkSync(at('opt/stillhouse/current'));
    for (const version of ['9.0.0', '9.0.1']) {
      const upgrade = (text: string) => text.replace(/^version='.*'$/m, `version='${version}'`);
      expect(await install([], upgrade)).toMatchObject({ status: 0 });
    }
    expect(readlinkSync(at('opt/stillhouse/current'))).toContain('9.0.1');
    expect(
      readdirSync(releases)
        .map((name) => name.slice(0, 5))
        .sort(),
    ).toEqual(['9.0.0', '9.0.1']);
    expect(readdirSync(releases)).not.toContain(first.replace('releases/', ''));
  });

  it('removes the program and keeps the data, then removes that too', async () => {
    expect(await install(['--uninstall'])).toMatchObject({ status: 0 });
    expect(readdirSync(at('opt'))).toEqual([]);
    expect(existsSync(at('etc/systemd/system/stillhouse-agent.service'))).toBe(false);
    expect(existsSync(at('var/lib/stillhouse/credential.json'))).toBe(true);
    writeFileSync(at('var/lib/stillhouse/kept'), '');
    expect(await install(['--uninstall', '--purge'])).toMatchObject({ status: 0 });
    expect(existsSync(at('var/lib/stillhouse'))).toBe(false);
    expect(readFileSync(at('etc/passwd'), 'utf8')).not.toContain('stillhouse');
  });
});
