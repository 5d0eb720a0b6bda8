// What goes wrong, and when. Each seed chooses which kinds of faults there are and how often they come, so that some runs
// have one kind in abundance and others a little of everything.
import type { SimBroker } from './broker.ts';
import type { DeviceChecker } from './checkers/device-checker.ts';
import type { RolloutChecker } from './checkers/rollout-checker.ts';
import type { ServerChecker } from './checkers/server-checker.ts';
import { FOLDER, type SimDevice } from './device.ts';
import { type Fleet, isLarge } from './fleet.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';
import type { SimServer } from './server.ts';

export interface FaultPlace {
  readonly schedule: Schedule;
  readonly journal: Journal;
  readonly random: Random;
  readonly broker: SimBroker;
  readonly embedded: boolean;
  readonly server: SimServer;
  readonly fleet: Fleet;
  readonly deviceChecker: DeviceChecker;
  readonly serverChecker: ServerChecker;
  readonly rolloutChecker: RolloutChecker;
  /** Without the kinds of faults that came later than the seeds of planted bugs. */
  readonly isPlain: boolean;
}

type Fault = (place: FaultPlace) => void;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A fault of one device comes about so often, where its kind is chosen; of the server, or of the broker. */
const DEVICE_MEAN_MS = 20 * MINUTE_MS;
const DEVICE_MEAN_OF_MANY_MS = 24 * 60 * MINUTE_MS;
const CENTRE_MEAN_MS = 8 * MINUTE_MS;
/** All of many devices connect anew each time. */
const CENTRE_MEAN_OF_MANY_MS = 8 * 60 * MINUTE_MS;
const ARM_MS = 30_000;

const ofDevice = (action: (device: SimDevice, place: FaultPlace) => void): Fault => {
  return (place) => {
    const device = place.random.pick(place.fleet.devices);
    if (!device.isGone) action(device, place);
  };
};

/** Undone after a while. */
const forAWhile = (
  { schedule, random }: FaultPlace,
  { name, meanMs }: { name: string; meanMs: number },
  undo: () => void,
): void => void schedule.after(1000 + random.around(meanMs), `${name} heals`, undo);

const deviceFaults: Readonly<Record<string, Fault>> = {
  'kill agent': ofDevice((device) => device.process?.die()),
  'kill agent in an effect': ofDevice((device, { random }) => device.process?.dieAfterEffects(random.int(1, 120))),
  'cut power': ofDevice((device, { deviceChecker }) => {
    if (!device.isSetUp) return;
    device.cutPower();
    deviceChecker.checkAll(device);
  }),
  'cut line': ofDevice((device, place) => {
    device.cutLine();
    forAWhile(place, { name: device.name, meanMs: 5 * MINUTE_MS }, () => {
      device.line.isCut = false;
    });
  }),
  'slow line': ofDevice((device, place) => {
    device.line.meanDelayMs = 3000;
    forAWhile(place, { name: device.name, meanMs: 5 * MINUTE_MS }, () => {
      device.line.meanDelayMs = 5;
    });
  }),
  'fill disk': ofDevice((device, place) => {
    const { disk } = device;
    disk.takenBytes = place.random.int(Math.floor(disk.capacityBytes * 0.9), disk.capacityBytes);
    device.isDatabaseFull = place.random.chance(0.3);
    forAWhile(place, { name: device.name, meanMs: 4 * MINUTE_MS }, () => {
      disk.takenBytes = 0;
      device.isDatabaseFull = false;
    });
  }),
  'slow disk': ofDevice((device, place) => {
    const { disk } = device;
    disk.slownessMs = place.random.pick([20, 300, 20_000]);
    forAWhile(place, { name: device.name, meanMs: 5 * MINUTE_MS }, () => {
      disk.slownessMs = 0;
    });
  }),
  'hang agent': ofDevice((device, { random }) => {
    const ms = random.around(40_000);
    device.process?.stopFor(ms);
    if (ms > 45_000) device.silence();
  }),
  'engine out of memory': ofDevice((device, place) => {
    device.engineFaults.crashes = 0.5;
    device.engineFaults.hangs = 0.1;
    forAWhile(place, { name: device.name, meanMs: 3 * MINUTE_MS }, () => {
      device.engineFaults.crashes = 0;
      device.engineFaults.hangs = 0;
    });
  }),
  'damage manifest': ofDevice((device, { random }) => {
    const names = device.disk.list(`${FOLDER}/blobs`);
    const manifests = names.filter((name) => device.disk.peek(`${FOLDER}/blobs/${name}`)?.[0] === 0x7b);
    const idle = manifests.filter((name) => !isInUse(device, name));
    if (idle.length > 0) device.disk.flipBit(`${FOLDER}/blobs/${random.pick(idle)}`, random);
  }),
  'replace disk': ofDevice((device, { random, deviceChecker }) => {
    if (!random.chance(0.2)) return;
    device.replaceDisk();
    deviceChecker.forget(device);
  }),
};

/** In a stream of their own: these came later than the seeds that are kept. */
const laterFaults: Readonly<Record<string, Fault>> = {
  // A Pi without a clock chip starts in 1970, and the network sets its clock some time later; others are merely wrong.
  'clock jumps': ofDevice((device, place) => {
    const { random, schedule } = place;
    const { skewMs } = device;
    device.skewMs = random.pick([-schedule.wallMs, -schedule.wallMs, -2 * DAY_MS, 3 * DAY_MS, 400 * DAY_MS]);
    if (random.chance(0.4)) device.process?.die();
    forAWhile(place, { name: device.name, meanMs: 5 * MINUTE_MS }, () => {
      device.skewMs = skewMs;
      if (random.chance(0.2)) device.process?.die();
    });
  }),
  // What a rollout goes on without, and finds before it all at once when its waves have passed.
  'cut half of the fleet off': (place) => {
    const { random, fleet } = place;
    if (!random.chance(1 / fleet.devices.length)) return;
    const cut = fleet.present.filter(() => random.chance(0.5));
    for (const device of cut) device.cutLine();
    forAWhile(place, { name: 'half of the fleet', meanMs: 20 * MINUTE_MS }, () => {
      for (const { line } of cut) line.isCut = false;
    });
  },
};

const centreFaults: Readonly<Record<string, Fault>> = {
  'kill server': ({ server }) => server.process?.die(),
  'kill server in an effect': ({ server, random }) => server.process?.dieAfterEffects(random.int(1, 400)),
  'cut power of the server': ({ server, schedule, serverChecker, rolloutChecker }) => {
    server.database.watchesPower = true;
    schedule.after(ARM_MS, 'server loses power', () => {
      server.cutPower();
      server.database.watchesPower = false;
      serverChecker.startAnew();
      rolloutChecker.startAnew();
    });
  },
  'hang server': ({ server, random }) => server.process?.stopFor(random.around(20_000)),
  'restart broker': ({ broker, embedded, server, schedule, random }) => {
    if (embedded || !broker.isUp) return;
    const forgets = random.chance(0.5);
    broker.stop(forgets);
    broker.detachServer(forgets);
    schedule.after(1000 + random.around(5000), 'broker starts', () => {
      broker.start();
      server.reconnect();
    });
  },
};

/** What is always there, more or less, while there are faults. */
function setWeather({ broker, fleet, random }: FaultPlace, stormy: boolean): void {
  const some = (rate: number) => (stormy && random.chance(0.6) ? rate * random.uniform() : 0);
  broker.faults.duplicate = some(0.1);
  broker.faults.lateDuplicate = some(0.05);
  for (const { line } of fleet.devices) {
    line.loss = some(0.2);
    line.http.breaks = some(0.3);
    line.http.stalls = some(0.1);
    line.http.flips = some(0.2);
  }
}

export class Faults {
  injected = 0;
  private isOver = false;
  private readonly place: FaultPlace;

  constructor(place: FaultPlace) {
    this.place = place;
  }

  /** Chooses the kinds of this seed and lets them come. */
  start(): void {
    const { random, fleet } = this.place;
    setWeather(this.place, true);
    for (const device of fleet.devices) device.database.watchesPower = !isLarge(fleet.devices);
    const meanMs = () => (isLarge(fleet.devices) ? DEVICE_MEAN_OF_MANY_MS : DEVICE_MEAN_MS);
    for (const [name, fault] of Object.entries(deviceFaults))
      if (random.chance(0.4)) this.comes(name, fault, () => meanMs() / fleet.devices.length);
    const later = { ...this.place, random: random.fork('clocks') };
    if (!this.place.isPlain)
      for (const [name, fault] of Object.entries(laterFaults))
        if (later.random.chance(0.5)) this.comes(name, fault, () => meanMs() / fleet.devices.length, later);
    for (const [name, fault] of Object.entries(centreFaults))
      if (random.chance(0.4))
        this.comes(name, fault, () => (isLarge(fleet.devices) ? CENTRE_MEAN_OF_MANY_MS : CENTRE_MEAN_MS));
  }

  /** No more of them; what they did is healed. */
  stop(): void {
    const { fleet, broker, server } = this.place;
    this.isOver = true;
    setWeather(this.place, false);
    for (const device of fleet.devices) {
      Object.assign(device.line, { isCut: false, meanDelayMs: 5 });
      Object.assign(device.disk, { takenBytes: 0, slownessMs: 0 });
      Object.assign(device.engineFaults, { crashes: 0, hangs: 0 });
      device.isDatabaseFull = false;
    }
    if (!broker.isUp && !this.place.embedded) {
      broker.start();
      server.reconnect();
    }
  }

  private comes(name: string, fault: Fault, meanMs: () => number, place: FaultPlace = this.place): void {
    const { schedule, random, journal } = place;
    schedule.after(1 + random.around(meanMs()), `fault ${name}`, () => {
      if (this.isOver) return;
      this.injected++;
      journal.line('fault', name);
      fault(place);
      this.comes(name, fault, meanMs, place);
    });
  }
}

/** Manifests of what runs or ran are beyond repair by the agent alone. */
function isInUse({ database }: SimDevice, digest: string): boolean {
  return (
    database.sqlite.prepare(`SELECT 1 FROM places WHERE version_digest = ? AND place = 'running'`).get(digest) !==
    undefined
  );
}
