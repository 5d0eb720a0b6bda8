// Realistic mistakes, each as a wrapper around one part. What a reviewer may overlook, the simulator has to find.
import type { Mailbox } from '../../agent/mailbox.ts';
import { Outbox } from '../../agent/mqtt/outbox.ts';
import type { Store } from '../../agent/store/open-store.ts';
import { decode, Report } from '../../shared/messages.ts';
import { downTopic, parseTopic } from '../../shared/topics.ts';
import type { Bug } from './bugs.ts';

/** `target` with some of its members replaced; the others keep their own `this`. */
function changed<T extends object>(target: T, over: Partial<T>): T {
  return new Proxy(target, {
    get: (own, key) => {
      if (key in over) return over[key as keyof T];
      const value = Reflect.get(own, key, own);
      return typeof value === 'function' ? value.bind(own) : value;
    },
  });
}

/** A trigger in the server's database: the statement that somebody forgot, or wrote wrongly. */
const trigger = (text: string): Bug => ({
  server: { opened: (sqlite) => void sqlite.exec(`CREATE TRIGGER IF NOT EXISTS planted ${text}`) },
});

export const plantedBugs: Readonly<Record<string, Bug>> = {
  'the switch to a new version is persisted before the commit that it belongs to': {
    agent: {
      store: (store) =>
        changed(store, {
          installations: changed(store.installations, {
            move: (installationId, to, reason) => {
              const wanted = to === 'PROBING' ? store.installations.get(installationId)?.wanted : undefined;
              if (wanted) store.places.switchTo(wanted);
              return store.installations.move(installationId, to, reason);
            },
          }),
        }),
    },
  },
  'a state is entered without its deadline': trigger(
    `AFTER UPDATE OF state ON installations WHEN NEW.state = 'VERIFIED'
     BEGIN UPDATE installations SET deadline_ms = NULL WHERE installation_id = NEW.installation_id; END`,
  ),
  'nobody ends installations that are overdue': {
    server: { tasks: (tasks) => tasks.filter(({ name }) => name !== 'expire-installations') },
  },
  'nobody ends jobs that are overdue': {
    server: { tasks: (tasks) => tasks.filter(({ name }) => name !== 'expire-jobs') },
  },
  'the devices that a picture was taken from are forgotten': trigger(
    `AFTER UPDATE OF hand_overs_json ON jobs WHEN NEW.hand_overs_json IS NOT NULL
     BEGIN UPDATE jobs SET hand_overs_json = NULL WHERE job_id = NEW.job_id; END`,
  ),
  'a report is acknowledged before it is stored': {
    server: {
      receive: (receive, world, publish) => async (topic, payload) => {
        const parsed = parseTopic(topic);
        const decoded = parsed?.kind === 'report' ? decode(Report, payload) : null;
        if (!parsed || decoded?.kind !== 'message') return receive(topic, payload);
        const { seq, outboxId } = decoded.message;
        const ack = JSON.stringify({ upTo: seq, outboxId, serverTimeMs: world.clock.now() });
        await publish(downTopic(parsed.deviceId, 'ack'), Buffer.from(ack));
        await new Promise<void>((resolve) => world.clock.after(50, resolve));
        return receive(topic, payload);
      },
    },
  },
  'a report that comes twice counts twice': trigger(
    `AFTER INSERT ON outboxes WHEN NEW.report_seq > 0
     BEGIN UPDATE outboxes SET report_seq = 0 WHERE device_id = NEW.device_id AND outbox_id = NEW.outbox_id; END`,
  ),
  'a download is gone on with and not checked at its end': {
    agent: {
      store: (store, device) =>
        changed(store, {
          blobs: changed(store.blobs, {
            receive: async (artifact) => {
              const { chunks: _, ...unchecked } = artifact;
              return store.blobs.receive(unchecked);
            },
            complete: async (part, { sha256 }) => {
              await part.close();
              device.disk.rename(`${store.blobs.path(sha256)}.part`, store.blobs.path(sha256));
              return { kind: 'written' };
            },
          }),
        }),
    },
  },
  'deadlines are held against the clock on the wall': {
    agent: {
      store: (store) =>
        changed(store, {
          lifetime: changed(store.lifetime, { now: () => store.lifetime.onTheWall(store.lifetime.now()) }),
        }),
    },
  },
  'commits of the agent do not wait for the disk': {
    agent: {
      started: ({ database }) => {
        database.neverDurable = true;
      },
    },
  },
  'renames are not made durable': { agent: { disk: (disk) => ({ ...disk, syncFolder: async () => {} }) } },
  'an older desired state replaces a newer one': {
    agent: {
      store: (store, { database }) =>
        changed(store, {
          desired: changed(store.desired, {
            put: (desired) => {
              database.sqlite.exec(`UPDATE desired SET state = json_set(state, '$.generation', -1)`);
              return store.desired.put(desired);
            },
          }),
        }),
    },
  },
  'reports are deleted when the broker has them': {
    agent: {
      outbox: (store, clock) => {
        const outbox = new Outbox({ outgoing: store.outgoing, clock });
        return changed(outbox, {
          attach: (publish) =>
            outbox.attach((report, done) =>
              publish(report, (error) => {
                if (!error) store.outgoing.acknowledge(report.seq);
                done(error);
              }),
            ),
        });
      },
    },
  },
  'the outbox sends every report once': {
    agent: {
      outbox: (store, clock) => {
        let sentUpTo = 0;
        const once: Store['outgoing'] = changed(store.outgoing, {
          after: (seq, count) => {
            const reports = store.outgoing.after(Math.max(seq, sentUpTo), count);
            sentUpTo = Math.max(sentUpTo, reports.at(-1)?.seq ?? 0);
            return reports;
          },
        });
        return new Outbox({ outgoing: once, clock });
      },
    },
  },
  'a prune takes what the way back needs': {
    agent: {
      store: (store) =>
        changed(store, {
          slots: changed(store.slots, {
            keepOnly: (kept) => {
              const before = new Set(store.places.before().map(({ versionDigest }) => versionDigest));
              return store.slots.keepOnly(new Set([...kept].filter((name) => !before.has(name.slice(0, 64)))));
            },
          }),
        }),
    },
  },
  'a wave begins although the one before it has failed': trigger(
    `AFTER UPDATE OF state ON rollouts WHEN NEW.state = 'ROLLING_BACK' AND NEW.ending = 'STOPPED'
     BEGIN
       UPDATE rollouts SET state = 'RUNNING', ending = NULL WHERE rollout_id = NEW.rollout_id;
       UPDATE waves SET state = CASE WHEN started_ms IS NULL THEN 'PENDING' ELSE 'PASSED' END
         WHERE rollout_id = NEW.rollout_id;
     END`,
  ),
  'a device that comes late and fails holds the next ones not back': trigger(
    `AFTER UPDATE OF late_held_ms ON rollouts WHEN NEW.late_held_ms IS NOT NULL
     BEGIN UPDATE rollouts SET late_held_ms = NULL WHERE rollout_id = NEW.rollout_id; END`,
  ),
  'attempts on a device are not counted': trigger(
    `AFTER UPDATE OF attempts ON rollout_targets WHEN NEW.attempts > 0
     BEGIN UPDATE rollout_targets SET attempts = 0 WHERE rollout_id = NEW.rollout_id AND device_id = NEW.device_id; END`,
  ),
  'starts are not dated, so that none counts for the pace': trigger(
    `AFTER INSERT ON installations WHEN NEW.rollout_id IS NOT NULL
     BEGIN UPDATE installations SET created_ms = 0 WHERE installation_id = NEW.installation_id; END`,
  ),
  'a command that is repeated is taken for a new one': {
    agent: {
      mailbox: (mailbox, store): Mailbox =>
        changed(mailbox, {
          command: (command) => {
            const { commandId, body, deadlineMs } = command;
            if (body.kind === 'cancel') mailbox.command(command);
            else store.jobs.add(commandId, { ...body, deadlineMs });
          },
        }),
    },
  },
};
