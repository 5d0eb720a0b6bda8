// How ONNX Runtime was built, which its Node package does not tell: asked of the library itself by its C API.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import koffi from 'koffi';

/** OrtApi only ever grows at its end (onnxruntime_c_api.h): GetBuildInfoString is member 254 since version 15. */
const API_VERSION = 15;
const GET_BUILD_INFO = 254;

/** @returns a line such as "ORT Build Info: git-commit-id=f2c39fe2f, …, build type=Release" */
export function onnxRuntimeBuild(): string {
  const home = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const library = koffi.load(join(home, `bin/napi-v6/${process.platform}/${process.arch}/libonnxruntime.so.1`));
  const base = koffi.struct({ getApi: 'void *', getVersion: 'void *' });
  const { getApi } = koffi.decode(library.func('OrtGetApiBase', koffi.pointer(base), [])(), base) as { getApi: bigint };
  const api = koffi.call(getApi, koffi.proto('void *', ['uint32_t']), API_VERSION) as bigint;
  const getBuildInfo = koffi.decode(api, GET_BUILD_INFO * 8, 'void *') as bigint;
  return koffi.call(getBuildInfo, koffi.proto('str', [])) as string;
}
