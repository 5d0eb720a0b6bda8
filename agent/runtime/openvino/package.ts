// What of OpenVINO a device needs: five libraries of the wheel on PyPI, pinned by their digests. Nothing of Python is
// needed at run time. A newer OpenVINO is a new list here: `python3 -m pip
// download --no-deps --only-binary=:all: --platform PLATFORM --python-version 3.11 --abi cp311 openvino==VERSION`, `unzip`,
// `sha256sum`.

export interface OpenVinoFile {
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface OpenVinoPackage {
  /** Of the wheel, as pip names platforms. */
  readonly platform: string;
  readonly wheelSha256: string;
  readonly files: readonly OpenVinoFile[];
}

export const OPENVINO_VERSION = '2026.4.1';
/** The wheel is made for one Python, whichever the device has: only its libraries are taken. */
export const WHEEL_PYTHON = { version: '3.11', abi: 'cp311' } as const;
export const C_LIBRARY = 'libopenvino_c.so.2641';
/** Inside the wheel. */
export const WHEEL_FOLDER = 'openvino/libs';

// biome-ignore format: one line a file
export const OPENVINO_PACKAGES: Readonly<Record<string, OpenVinoPackage>> = {
  x64: {
    platform: 'manylinux_2_28_x86_64',
    wheelSha256: '2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf',
    files: [
      { name: C_LIBRARY, sha256: 'd2d0836d422b21fc5da2739af0d6035df3fc6dd5e4756402eb848974edecf8a5', sizeBytes: 377505 },
      { name: 'libopenvino.so.2641', sha256: '9b9a80ac1f18e07b13ed54459d9a865bcfe9dc170dbf8fe740c2974b85ecedc1', sizeBytes: 20526937 },
      { name: 'libopenvino_intel_cpu_plugin.so', sha256: '6599e3dd300d047b5ed72f8e48101c5f312c25321f35f57f803641ff8372900b', sizeBytes: 63691929 },
      { name: 'libopenvino_ir_frontend.so.2641', sha256: '554e9fd3d4a0fbc587c14379464b2324e24b8ea736cfb749ad2cd9e74dfc09e0', sizeBytes: 640313 },
      { name: 'libtbb.so.12', sha256: 'ac9518497a4f2cb6729792730f145ee58367316031511923fef263c9ac81ca61', sizeBytes: 369313 },
    ],
  },
  arm64: {
    platform: 'manylinux_2_35_aarch64',
    wheelSha256: 'bea1eb3733c34ef331adc945da0ccda5937865031139073663be84c517ffda22',
    files: [
      { name: C_LIBRARY, sha256: 'dfb34063847add4fe0689583633e74b69d7844e9e5a4b085476b0861c0b28f51', sizeBytes: 356801 },
      { name: 'libopenvino.so.2641', sha256: '4a4ce9bb19ab78288b36ff39cbfebf1307c6b1ffda953b0c2b32129a8e89f04a', sizeBytes: 17135873 },
      { name: 'libopenvino_arm_cpu_plugin.so', sha256: '839cb0653151d0962e13a129b7b1ad2ffc700b5a1472e847cdcb83e523cf424e', sizeBytes: 44571169 },
      { name: 'libopenvino_ir_frontend.so.2641', sha256: '0c1e737e93e78b5ffaf854d830140d2d84046847e19cd5226a1aff1c56be4431', sizeBytes: 554009 },
      { name: 'libtbb.so.12', sha256: '07ad125a3e19dbc40cf74ea6d4bd4c67ad7df5aaff9611178eea99592bc7a921', sizeBytes: 274601 },
    ],
  },
};
