// Every bound of the system, with its unit in its name. A bound that a user may want to move is configuration;
// these are the values it starts from and the ceilings that protect either end from the other.

export const limits = {
  /** One MQTT message, either way. */
  mqttMessageBytes: 256 * 1024,
  /** One HTTP JSON body (a manifest is the largest). */
  httpJsonBytes: 4 * 1024 * 1024,
  /** One artifact. */
  artifactBytes: 16 * 1024 ** 3,
  /** One picture sent by a device. */
  pictureBytes: 64 * 1024 * 1024,
  /** The PNG that a picture begins from: in base64 it fits an HTTP JSON body. */
  beginningBytes: 2_750_000,
  /** The PNG that says what of it to paint anew, in the same body. */
  maskBytes: 300_000,
  artifactsPerVersion: 512,
  adaptersPerVariant: 16,
  /** Parts of one graph; with its weights each is two artifacts. */
  graphParts: 200,
  /** Numbers of one tensor of a graph; no network for a small device comes near. */
  tensorElements: 2 ** 40,
  /** Layers of an OpenVINO graph, and its .xml file. */
  graphLayers: 200_000,
  graphTextBytes: 256 * 1024 * 1024,
  promptCharacters: 2000,
  pictureSidePixels: 4096,
  steps: 200,
  /** For a text to be taken apart; a long prompt takes a Pi a few milliseconds. */
  tokenizeMs: 5_000,
  /** Of a prompt, as a text encoder reads it. */
  promptTokens: 4096,
  /** Of a preview's PNG in base64. */
  previewCharacters: 24 * 1024,
  /** Jobs a device may hold before it refuses more. */
  jobsPerDevice: 64,
  /** Labels on one device. */
  labelsPerDevice: 32,
  modelsPerDevice: 8,
  /** Reports kept on a device while the server is away; the oldest benches go first, transitions never. */
  agentOutboxRows: 10_000,
  telemetrySamplesPerMessage: 60,
  /** An agent leaves this much of its disk free. */
  diskReserveBytes: 16 * 1024 * 1024,
  /** Compiled forms that a device keeps of one version, so that its engine starts sooner. */
  compiledBytesPerVersion: 256 * 1024 * 1024,
  compiledFormsPerVersion: 32,
  /** Slower than this, a download's silence could not be told from a broken line. */
  leastBytesPerSecond: 4096,
  evaluationPrompts: 1000,
  benchSamples: 2000,
  pageRows: 1000,
} as const;

export const timings = {
  /** The longest the server's timer sleeps between two looks at the store when nothing is due; bounds what a jump of the clock costs. */
  tickMs: 30_000,
  /**
   * A device is offline after this long without any message from it. The broker tells of a broken line much earlier
   * (by its keepalive); this is for a word of the broker that was lost.
   */
  presenceMs: 11 * 60_000,
  /** While a device works. */
  telemetryIntervalMs: 30_000,
  /** While it has nothing to do. */
  idleTelemetryIntervalMs: 5 * 60_000,
  reconnectBaseMs: 250,
  reconnectMaxMs: 60_000,
  httpRequestMs: 30_000,
  pictureDeadlineMs: 10 * 60_000,
  /** What a request may ask for in place of either deadline. */
  leastJobMs: 1000,
  mostJobMs: 24 * 3600_000,
  /** A device that is away for so long, longer than an agent's restart, loses what any device of a selector may make. */
  handOverMs: 10_000,
  benchDeadlineMs: 60 * 60_000,
  engineLoadMs: 5 * 60_000,
  /** How long an engine may take to stop between two steps before it is killed: with timer and kill a cancel ends within 250 ms. */
  engineCancelMs: 200,
  /** An engine that owes an answer and takes no processor time for so long hangs, and is killed. */
  engineHangMs: 30_000,
  /** How long an engine is waited for that is to drop what it only keeps. */
  engineMakeWayMs: 1000,
  /** How long an engine may take to end by itself before it is killed. */
  engineCloseMs: 1000,
  /** From SIGTERM to a forced end. */
  shutdownMs: 10_000,
} as const;
