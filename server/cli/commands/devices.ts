import { Command } from 'commander';
import type { LabelChange } from '../arguments.ts';
import { labelChange } from '../arguments.ts';
import { openSession } from '../session.ts';
import { deviceText } from '../views/device-text.ts';
import { devicesText } from '../views/devices-text.ts';
import { whyText } from '../views/why-text.ts';

export function devices(): Command {
  const command = new Command('devices').description('The devices, and what they run.');
  command
    .command('list', { isDefault: true })
    .description('List the devices (the default).')
    .argument('[selector]', 'names ("pi-a,pi-b"), labels ("site=home,!lab") or "@group"; all when left out')
    .action(async (selector: string | undefined, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const listed = await client.call('listDevices', { query: { selector } });
      const text =
        selector && listed.length === 0 ? `No device matches "${selector}".` : devicesText(listed, Date.now());
      screen.result(listed, text);
    });
  command
    .command('show')
    .description('Show one device.')
    .argument('<name>')
    .option('--why', 'why it runs what it runs: the record of what was decided and what happened')
    .action(async (name: string, { why }: { why?: boolean }, self: Command) => {
      const { client, screen } = openSession(self);
      if (why) {
        const told = await client.call('whyDevice', { params: { name } });
        return screen.result(told, whyText(told));
      }
      const device = await client.call('showDevice', { params: { name } });
      screen.result(device, deviceText(device, Date.now()));
    });
  command
    .command('label')
    .description('Set and remove labels.')
    .argument('<name>')
    .argument('<changes...>', 'KEY=VALUE sets a label, KEY- removes it', labelChange)
    .action(async (name: string, change: LabelChange, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const device = await client.call('labelDevice', { params: { name }, body: change });
      screen.result(device, deviceText(device, Date.now()));
    });
  command
    .command('revoke')
    .description('Revoke a device: its connection ends at once, and it cannot come back without a new token.')
    .argument('<name>')
    .action(async (name: string, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const device = await client.call('revokeDevice', { params: { name } });
      screen.result(device, `Revoked ${device.name}.`);
    });
  return command;
}
