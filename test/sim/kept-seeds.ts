// Seeds on which the simulator once found a bug of ours; each holds its invariants since that was mended.
export const keptSeeds: readonly {
  seed: number;
  devices: number;
  minutes: number;
  isPlain?: boolean;
  was: string;
}[] = [
  {
    seed: 117,
    devices: 6,
    minutes: 30,
    isPlain: true,
    was: 'the same version under the installation before it never got its name back',
  },
  {
    seed: 2076231281,
    devices: 6,
    minutes: 15,
    was: 'a device that began anew on a new disk, and ended, was refused its end',
  },
  {
    seed: 31568002,
    devices: 6,
    minutes: 55,
    was: 'a message published while the broker was away was waited for without end, and all others behind it',
  },
  {
    seed: 1066675476,
    devices: 6,
    minutes: 60,
    was: 'a manifest with a wrong bit that could still be read laid files out under other names',
  },
  {
    seed: 151,
    devices: 6,
    minutes: 30,
    was: 'the simulator opened a connection on a line that was cut, and nobody ever noticed',
  },
];
