/** Of what one device does with one variant of a version. */
export const latencyKey = (deviceId: string, versionDigest: string, variant: string): string =>
  `${deviceId} ${versionDigest} ${variant}`;
