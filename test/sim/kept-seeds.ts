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
];
