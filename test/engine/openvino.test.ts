// The second runtime: the same pictures, an event loop that stays free, a cancel in the midst of a step, and refusals.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { checkGolden } from '../../agent/measure/golden.ts';
import { installedRuntimes } from '../../agent/runtime/installed.ts';
import { installOpenVino } from '../../agent/runtime/openvino/install.ts';
import { openVino } from '../../agent/runtime/openvino/openvino.ts';
import type { Runtime } from '../../agent/runtime/runtime.ts';
import { findOpenVino, openVinoFolderName } from '../../agent/runtime/runtime-folders.ts';
import { pictureDifference } from '../../shared/picture-difference.ts';
import { clockOf, specOf } from './fixture.ts';
import { openVinoRuntimes, openVinoSpec } from './openvino-fixture.ts';

let runtimes = '';
let runtime: Runtime;
const spec = openVinoSpec();
const graph = (part: string) => join(spec.folder, spec.variant.folder, part, 'openvino_model.xml');

beforeAll(async () => {
  runtimes = await openVinoRuntimes();
  runtime = openVino(findOpenVino([runtimes]) ?? '');
}, 600_000);
afterAll(() => rmSync(spec.folder, { recursive: true }));

const launcher = () => createEngineLauncher({ clock: clockOf(), log: () => {}, runtimeFolders: [runtimes] });
const request = { prompt: spec.variant.golden.pictures[0]?.prompt ?? '', seed: 1 };

describe('an engine on OpenVINO', () => {
  it('makes the golden pictures that ONNX Runtime made', async () => {
    const engine = await launcher().launch(spec);
    expect(engine.runtimeVersion).toMatch(/^openvino 2026\.4\.1/);
    expect(await checkGolden(engine, spec)).toMatchObject({ kind: 'equal' });
    const [first, again] = [await engine.generate(request), await engine.generate(request)];
    expect(Buffer.from(again.png)).toEqual(Buffer.from(first.png));
    await engine.close();
  });

  it('makes a batch in one run, each picture as it is alone', async () => {
    const engine = await launcher().launch(spec);
    const made = await engine.generateBatch({ ...request, batch: 3 });
    for (const { seed, png } of made) {
      const alone = await engine.generate({ ...request, seed });
      const difference = pictureDifference(png, alone.png);
      expect(difference.kind === 'compared' && difference.meanAbsoluteDifference).toBeLessThan(0.05);
    }
    expect(made.map(({ seed }) => seed)).toEqual([1, 2, 3]);
    await engine.close();
  });

  it('computes a batch in streams, each picture as it is alone, to the byte, and is canceled in the midst', async () => {
    const engine = await launcher().launch(spec, { threads: 2, streams: 2 });
    const made = await engine.generateBatch({ ...request, batch: 3 });
    for (const { seed, png } of made)
      expect(Buffer.from(png)).toEqual(Buffer.from((await engine.generate({ ...request, seed })).png));
    const controller = new AbortController();
    const running = engine.generateBatch({ ...request, batch: 3, steps: 200 }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(running).rejects.toMatchObject({ code: 'canceled' });
    const again = await engine.generateBatch({ ...request, batch: 3 });
    expect(again.map(({ png }) => Buffer.from(png))).toEqual(made.map(({ png }) => Buffer.from(png)));
    await engine.close();
  });

  it('makes the same pictures where the forms of two sizes stay, and after they made way, as over ONNX Runtime', async () => {
    for (const each of [spec, specOf()]) {
      const engine = await launcher().launch(each);
      const paint = async (keepSizes: boolean, batch: number) =>
        (await engine.generateBatch({ ...request, batch, keepSizes })).map(({ png }) => Buffer.from(png));
      const [one, three] = [await paint(false, 1), await paint(false, 3)];
      for (const keepSizes of [true, true, false, true]) {
        expect(await paint(keepSizes, 1)).toEqual(one);
        expect(await paint(keepSizes, 3)).toEqual(three);
      }
      await engine.makeWay();
      expect(await paint(true, 1)).toEqual(one);
      await engine.close();
    }
  });

  it('scores its pictures with the evaluator, which is an ONNX graph', async () => {
    const engine = await launcher().launch(spec);
    const { png } = await engine.generate(request);
    expect(Object.keys(await engine.evaluate(png)).length).toBeGreaterThan(0);
    await engine.close();
  });

  it('stops its very first picture when it is canceled, and makes the next one', async () => {
    const engine = await launcher().launch(spec);
    const controller = new AbortController();
    const running = engine.generate({ ...request, steps: 200 }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(running).rejects.toMatchObject({ code: 'canceled' });
    expect((await engine.generate(request)).png.length).toBeGreaterThan(100);
    await engine.close();
  });

  it('is refused where the runtime is missing, with the command that brings it', async () => {
    const without = createEngineLauncher({ clock: clockOf(), log: () => {}, runtimeFolders: ['/nowhere'] });
    await expect(without.launch(spec)).rejects.toMatchObject({
      code: 'runtime_missing',
      message: expect.stringContaining('still runtime install openvino'),
    });
  });
});

/** As optimum-intel leaves a UNet's time, before anything is done with it. */
const WHOLE_TIMESTEP = `<?xml version="1.0"?>
<net name="time" version="11">
  <layers>
    <layer id="0" name="timestep" type="Parameter" version="opset1">
      <data shape="?" element_type="i64" />
      <output><port id="0" precision="I64" names="timestep"><dim>-1</dim></port></output>
    </layer>
    <layer id="1" name="to" type="Convert" version="opset1">
      <data destination_type="f32" />
      <input><port id="0" precision="I64"><dim>-1</dim></port></input>
      <output><port id="1" precision="FP32" names="out"><dim>-1</dim></port></output>
    </layer>
    <layer id="2" name="Result_1" type="Result" version="opset1">
      <input><port id="0" precision="FP32"><dim>-1</dim></port></input>
    </layer>
  </layers>
  <edges>
    <edge from-layer="0" from-port="0" to-layer="1" to-port="0" />
    <edge from-layer="1" from-port="1" to-layer="2" to-port="0" />
  </edges>
</net>
`;

describe('a session', () => {
  const words = (count = 1) => {
    const length = 16;
    return { type: 'int64', dims: [count, length], data: new BigInt64Array(count * length).fill(1n) } as const;
  };

  it('refuses an input that is missing or of another size, which the library itself would not', async () => {
    const session = await runtime.load(graph('text_encoder'), { threads: 1 });
    await expect(async () => session.run({})).rejects.toThrow('"input_ids" is not fed');
    const wrong = { type: 'float32', dims: [1, 16], data: new Float32Array(16) } as const;
    await expect(async () => session.run({ input_ids: wrong })).rejects.toThrow('"input_ids" is int64');
    await session.close();
  });

  it('is only compiled while it is prepared: zeros of the right sizes, and the next run is a real one', async () => {
    const session = await runtime.load(graph('text_encoder'), { threads: 1 });
    const [length] = session.inputs.map(({ dims }) => dims[1] as number);
    const feeds = { input_ids: { ...words(), dims: [1, length ?? 0], data: new BigInt64Array(length ?? 0) } };
    let prepared: Awaited<ReturnType<typeof session.run>> = {};
    await runtime.prepare?.(async () => {
      prepared = await session.run(feeds);
    });
    const real = await session.run(feeds);
    const [zeros, found] = [prepared.last_hidden_state, real.last_hidden_state];
    expect(zeros?.dims).toEqual(found?.dims);
    expect(zeros?.data).toEqual(new Float32Array(found?.data.length ?? 0));
    expect(found?.data.some((value) => value !== 0)).toBe(true);
    await session.close();
  });

  it('takes fractions where they are fed, though the graph was exported with whole numbers there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stillhouse-real-'));
    const path = join(folder, 'openvino_model.xml');
    writeFileSync(path, WHOLE_TIMESTEP);
    writeFileSync(join(folder, 'openvino_model.bin'), '');
    const session = await runtime.load(path, { threads: 1, real: ['timestep'] });
    expect(session.inputs).toMatchObject([{ name: 'timestep', type: 'float32' }]);
    const timestep = { type: 'float32', dims: [2], data: Float32Array.of(749.25, 3) } as const;
    expect((await session.run({ timestep })).out?.data).toEqual(Float32Array.of(749.25, 3));
    await session.close();
    const asExported = await runtime.load(path, { threads: 1 });
    expect(asExported.inputs).toMatchObject([{ type: 'int64' }]);
    await asExported.close();
    rmSync(folder, { recursive: true });
  });

  it('is compiled once for each of two sizes in turns where both may stay, and computes the same', async () => {
    const session = await runtime.load(graph('unet'), { threads: 1 });
    const feedsOf = (count: number) =>
      Object.fromEntries(
        session.inputs.map(({ name, dims }) => {
          const fixed = dims.map((size) => (typeof size === 'number' ? size : count));
          const data = new Float32Array(fixed.reduce((product, size) => product * size, 1)).map((_, i) => Math.sin(i));
          return [name, { type: 'float32', dims: fixed, data }] as const;
        }),
      );
    const picture = async (keepSizes: boolean, count: number) => {
      const before = runtime.compiled?.().anew ?? 0;
      runtime.begin?.(keepSizes);
      const { out_sample } = await session.run(feedsOf(count));
      return { compiled: (runtime.compiled?.().anew ?? 0) - before, data: out_sample?.data };
    };
    const [two, three] = [await picture(false, 2), await picture(false, 3)];
    const alternating: number[] = [];
    for (const keepSizes of [false, true, true]) {
      const found = [await picture(keepSizes, 2), await picture(keepSizes, 3)] as const;
      expect(found.map(({ data }) => data)).toEqual([two.data, three.data]);
      alternating.push(...found.map(({ compiled }) => compiled));
    }
    runtime.makeWay?.();
    alternating.push((await picture(true, 3)).compiled, (await picture(true, 2)).compiled);
    expect(alternating).toEqual([1, 1, 1, 0, 0, 0, 0, 1]);
    await session.close();
  });

  it('is compiled off the event loop, and a cancel does not wait for that', async () => {
    const session = await runtime.load(graph('unet'), { threads: 1 });
    const feeds = Object.fromEntries(
      session.inputs.map(({ name, dims }) => {
        const fixed = dims.map((size) => (typeof size === 'number' ? size : 5));
        const data = new Float32Array(fixed.reduce((product, size) => product * size, 1));
        return [name, { type: 'float32', dims: fixed, data }] as const;
      }),
    );
    const first = session.run(feeds);
    setTimeout(() => runtime.interrupt?.(), 1);
    await expect(first).rejects.toThrow('the compilation was not waited for');
    expect(Object.keys(await session.run(feeds))).toEqual(['out_sample']);
    await session.close();
  });

  it('says which kernels ran', async () => {
    const session = await runtime.load(graph('text_encoder'), { threads: 1 });
    expect(await session.kernels?.()).toEqual([]);
    const [length] = session.inputs.map(({ dims }) => dims[1] as number);
    await session.run({ input_ids: { ...words(), dims: [1, length ?? 0], data: new BigInt64Array(length ?? 0) } });
    const kernels = (await session.kernels?.()) ?? [];
    expect(kernels.map(({ operator }) => operator)).toContain('FullyConnected');
    await session.close();
  });

  it('keeps the event loop free and can be broken off in the midst of a run, and used again', async () => {
    const session = await runtime.load(graph('unet'), { threads: 1 });
    const batch = 512;
    const feeds = Object.fromEntries(
      session.inputs.map(({ name, dims }) => {
        const fixed = dims.map((size) => (typeof size === 'number' ? size : batch));
        const data = new Float32Array(fixed.reduce((product, size) => product * size, 1));
        return [name, { type: 'float32', dims: fixed, data }] as const;
      }),
    );
    await session.run(feeds);
    let ticks = 0;
    const timer = setInterval(() => {
      if (++ticks >= 3) runtime.interrupt?.();
    }, 2);
    const seen = await session.run(feeds).then(
      () => 'it ended by itself',
      (error: Error) => error.message,
    );
    clearInterval(timer);
    expect({ seen, ticks: ticks >= 3 }).toEqual({ seen: 'the inference was broken off', ticks: true });
    await session.run(feeds);
    await session.close();
  });

  it.each([
    ['cut short', (path: string) => truncateSync(path, 1000)],
    ['no XML', (path: string) => writeFileSync(path, 'not a graph')],
    [
      'of an unknown operator',
      (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replaceAll('"Gather"', '"Gother"')),
    ],
  ])('refuses a graph that is %s', async (_, damage) => {
    const folder = mkdtempSync(join(tmpdir(), 'stillhouse-damaged-'));
    cpSync(join(graph('text_encoder'), '..'), folder, { recursive: true });
    damage(join(folder, 'openvino_model.xml'));
    await expect(runtime.load(join(folder, 'openvino_model.xml'), { threads: 1 })).rejects.toThrow(/OpenVINO/);
    rmSync(folder, { recursive: true });
  });
});

describe('installing it', () => {
  const place = () => mkdtempSync(join(tmpdir(), 'stillhouse-runtimes-'));
  const say = () => {};

  it('is seen in the inventory, and a second time changes nothing', async () => {
    expect(await installedRuntimes([runtimes])).toContainEqual({ runtime: 'openvino', version: '2026.4.1' });
    expect(await installedRuntimes(['/nowhere'])).not.toContainEqual(expect.objectContaining({ runtime: 'openvino' }));
    const again = await installOpenVino({ into: runtimes, from: '/nowhere', architecture: process.arch, say });
    expect(again).toBe(findOpenVino([runtimes]));
  });

  it('refuses a library whose digest is another, and leaves nothing behind', async () => {
    const [into, from] = [place(), place()];
    cpSync(findOpenVino([runtimes]) ?? '', from, { recursive: true });
    truncateSync(join(from, 'libtbb.so.12'), 1000);
    const options = { into, from, architecture: process.arch, say };
    await expect(installOpenVino(options)).rejects.toThrow(/libtbb.so.12 has the sha256/);
    expect(existsSync(join(into, openVinoFolderName(process.arch)))).toBe(false);
    expect(findOpenVino([into])).toBeNull();
  });

  it.each([
    ['/nowhere/openvino.whl', 'there is no such file'],
    [fileOfText(), 'is no wheel'],
    [tmpdir(), 'no libtbb.so.12'],
  ])('refuses %s', async (from, why) => {
    await expect(installOpenVino({ into: place(), from, architecture: process.arch, say })).rejects.toThrow(why);
  });

  it('refuses an architecture that is not pinned', async () => {
    const options = { into: place(), from: null, architecture: 'riscv64', say };
    await expect(installOpenVino(options)).rejects.toThrow('pinned for x64 and arm64, not riscv64');
  });

  function fileOfText(): string {
    const path = join(place(), 'openvino.whl');
    writeFileSync(path, 'no zip archive');
    return path;
  }
});
