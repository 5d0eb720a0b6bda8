import { StillError } from '../../shared/errors.ts';
import type { BenchRunView } from '../../shared/http-api.ts';
import { cancelJob } from '../actions/cancel-job.ts';
import { requestBench } from '../actions/request-bench.ts';
import * as benchRuns from '../store/bench-runs.ts';
import * as devices from '../store/devices.ts';
import { viewBenchRuns } from '../store/job-views.ts';
import * as jobs from '../store/jobs.ts';
import { seenPictures } from '../store/seen-pictures.ts';
import type { World } from '../store/world.ts';
import type { Handlers } from './route.ts';

export function benchHandlers(
  world: World,
): Pick<Handlers, 'requestBench' | 'listBenchRuns' | 'showBenchRun' | 'cancelBenchRun' | 'table'> {
  const { db } = world.store;
  const show = async (benchRunId: string): Promise<BenchRunView> => {
    const job = await jobs.find(db, benchRunId);
    const [view] = job ? await viewBenchRuns(db, [job]) : [];
    if (!view) throw new StillError('not_found', `no bench run ${benchRunId}`);
    return view;
  };
  return {
    requestBench: async ({ body, actor }) => show(await requestBench(world, { ...body, actor })),
    listBenchRuns: async ({ query: { limit, device } }) => {
      const known = device === undefined ? undefined : await devices.get(db, device);
      return viewBenchRuns(db, await jobs.list(db, { kind: 'bench', limit, deviceId: known?.deviceId }));
    },
    showBenchRun: async ({ params: { benchRunId } }) => show(benchRunId),
    cancelBenchRun: async ({ params: { benchRunId }, actor }) => {
      await cancelJob(world, { kind: 'bench', jobId: benchRunId, actor });
      return show(benchRunId);
    },
    table: async ({ query: { device, model } }) =>
      (await benchRuns.table(db, await seenPictures(db))).filter(
        (row) => (device === undefined || row.device === device) && (model === undefined || row.model === model),
      ),
  };
}
