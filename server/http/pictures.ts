import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { StillError } from '../../shared/errors.ts';
import type { PictureView } from '../../shared/http-api.ts';
import { jobTable } from '../../shared/job.ts';
import { limits } from '../../shared/limits.ts';
import { isFinal } from '../../shared/machine.ts';
import { cancelJob } from '../actions/cancel-job.ts';
import { keepBeginning } from '../actions/keep-beginning.ts';
import { receivePicture } from '../actions/receive-picture.ts';
import { requestPicture } from '../actions/request-picture.ts';
import * as devices from '../store/devices.ts';
import { viewPictures } from '../store/job-views.ts';
import * as jobs from '../store/jobs.ts';
import * as pictures from '../store/pictures.ts';
import type { World } from '../store/world.ts';
import type { Caller, Handlers } from './route.ts';

type PictureRoutes =
  | 'requestPicture'
  | 'listPictures'
  | 'showPicture'
  | 'cancelPicture'
  | 'getPicture'
  | 'getBeginning'
  | 'getMask'
  | 'putPicture';

export function pictureHandlers(world: World): Pick<Handlers, PictureRoutes> {
  const { db } = world.store;
  const show = async (pictureId: string): Promise<PictureView> => {
    const job = await jobs.find(db, pictureId);
    const [view] = job ? await viewPictures(db, [job]) : [];
    if (!view) throw new StillError('not_found', `no picture ${pictureId}`);
    return view;
  };
  const sendPng = async (
    { sha256, sizeBytes }: { readonly sha256: string; readonly sizeBytes: number },
    request: Request,
    response: Response,
  ) => {
    response.set({
      etag: `"${sha256}"`,
      'content-type': 'image/png',
      'content-length': String(sizeBytes),
      'cache-control': 'private, max-age=31536000, immutable',
    });
    if (request.method === 'HEAD') response.end();
    else await pipeline(world.store.pictures.read(sha256), response);
    return undefined;
  };
  /** What was asked for, unless another device shall make it. */
  const theirs = async (pictureId: string, caller: Caller) => {
    const job = await jobs.find(db, pictureId);
    const isTheirs = caller.kind !== 'device' || job?.deviceId === caller.deviceId;
    return job?.kind === 'picture' && isTheirs ? job.request : undefined;
  };
  return {
    requestPicture: async ({ body, actor }) => {
      const { device, timeoutMs, fit, image, mask, ...request } = body;
      const given = { image: bytesOf(image), mask: bytesOf(mask) };
      const begun = { ...request, ...(await keepBeginning(world, { ...request, ...given })) };
      return show(await requestPicture(world, { device, timeoutMs, request: begun, fit, actor }));
    },
    listPictures: async ({ query: { limit, device } }) => {
      const known = device === undefined ? undefined : await devices.get(db, device);
      return viewPictures(db, await jobs.list(db, { kind: 'picture', limit, deviceId: known?.deviceId }));
    },
    showPicture: async ({ params: { pictureId } }) => show(pictureId),
    cancelPicture: async ({ params: { pictureId }, actor }) => {
      await cancelJob(world, { kind: 'picture', jobId: pictureId, actor });
      return show(pictureId);
    },
    getPicture: async ({ params: { pictureId }, request, response }) => {
      const view = await show(pictureId);
      const stored = view.state === 'SUCCEEDED' ? await pictures.find(db, pictureId) : null;
      if (!stored) {
        const yet = isFinal(jobTable, view.state) ? '' : ' yet';
        throw new StillError('not_found', `picture ${pictureId} is ${view.state}; there is nothing to see${yet}`);
      }
      return sendPng(stored, request, response);
    },
    getBeginning: async ({ params: { pictureId }, caller, request, response }) => {
      const image = (await theirs(pictureId, caller))?.image;
      if (!image) throw new StillError('not_found', `no picture ${pictureId} here for you that begins from another`);
      return sendPng(image, request, response);
    },
    getMask: async ({ params: { pictureId }, caller, request, response }) => {
      const mask = (await theirs(pictureId, caller))?.mask;
      if (!mask) throw new StillError('not_found', `no picture ${pictureId} here for you that fills a mask`);
      return sendPng(mask, request, response);
    },
    putPicture: async ({ params: { pictureId }, caller, request }) => {
      if (caller.kind !== 'device') throw new StillError('forbidden', 'only a device delivers pictures');
      if (Number(request.headers['content-length'] ?? 0) > limits.pictureBytes)
        throw new StillError('too_large', `a picture may have ${limits.pictureBytes} bytes`);
      return { ...(await receivePicture(world, { pictureId, deviceId: caller.deviceId, stream: request })) };
    },
  };
}

const bytesOf = (base64: string | undefined): Buffer | undefined =>
  base64 === undefined ? undefined : Buffer.from(base64, 'base64');
