import { Command } from 'commander';
import { selector } from '../arguments.ts';
import { openSession } from '../session.ts';
import { groupsText } from '../views/groups-text.ts';

export function group(): Command {
  const command = new Command('group').description('Selectors under a name: "@kitchens" wherever a selector stands.');
  command
    .command('save')
    .description('Keep a selector under a name.')
    .argument('<name>')
    .argument('<selector>', 'names ("pi-a,pi-b") or labels ("site=home,!lab")', selector)
    .action(async (name: string, text: string, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const saved = await client.call('saveGroup', { params: { name }, body: { selector: text } });
      screen.result(saved, `Saved @${saved.name}: ${saved.selector}`);
    });
  command
    .command('list', { isDefault: true })
    .description('List the groups (the default).')
    .action(async (_: object, self: Command) => {
      const { client, screen } = openSession(self);
      const groups = await client.call('listGroups', {});
      screen.result(groups, groupsText(groups));
    });
  command
    .command('remove')
    .description('Forget a group; rollouts that began with it go on.')
    .argument('<name>')
    .action(async (name: string, _: object, self: Command) => {
      const { client, screen } = openSession(self);
      const removed = await client.call('removeGroup', { params: { name } });
      screen.result(removed, `Removed @${removed.name}.`);
    });
  return command;
}
