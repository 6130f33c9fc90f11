import {
  IMAGE_LIMIT_PIXELS,
  IMAGE_TYPES,
  imageLimitBytes,
  problemOfImage,
} from '../../shared/model/image-members.js';
import { isImageColumn } from '../../shared/model/tensor-members.js';
import { cellTypeOf, readCell } from '../../shared/text/cells.js';
import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError, validationFailed } from '../http/problem.js';
import { readQuery } from '../http/query.js';
import { readBody, requirePlain } from '../http/read-json.js';
import { modelNamed } from '../models/served-models.js';
import { optionsOf } from '../models/submission-schemas.js';
import { parseSubmission, type Submission } from './submission.js';

/** Whether the body of a request says that it is an image. */
export const isImageRequest = (exchange: Exchange): boolean =>
  exchange.header('content-type')?.toLowerCase().startsWith('image/') ?? false;

const TYPES = IMAGE_TYPES.join(', ');
const unsupported = (detail: string): ProblemError => new ProblemError('unsupported-media-type', detail);

/**
 * Reads a job whose body is the one image of its input; options and the other members are parameters. Throws problems: 404 for the
 * model, 408, 413 past the bytes or pixels of an image, 415 for what is no image or a model that takes none, 422.
 */
export async function readImageSubmission(exchange: Exchange, ctx: ApiContext): Promise<Submission> {
  const { request } = exchange;
  const models = ctx.models.current;
  const query = exchange.query();
  const name = query.get('model');
  if (name === null) {
    throw validationFailed([{ parameter: 'model', detail: 'is required where the body is an image' }]);
  }
  const { manifest } = modelNamed(models, name);
  const [column, another] = manifest.columns.filter(isImageColumn);
  if (!column || another) {
    const count = another ? 'several images' : 'no image';
    throw unsupported(`${manifest.name} takes ${count}: send its input as application/json`);
  }
  requirePlain(request.headers);
  const options = optionsOf(models.most);
  const { [column.member]: _, ...members } = manifest.input.properties;
  const readers = Object.entries({ ...members, ...options }).map(([member, schema]) => {
    const type = cellTypeOf(schema);
    return [member, (text: string) => readCell(type, text)] as const;
  });
  const given = readQuery<Record<string, unknown>>(query, {
    ...Object.fromEntries(readers),
    model: (text) => text,
  });
  const bytes = await readBody(request, {
    limitBytes: imageLimitBytes(column),
    timeoutMs: ctx.limits.bodyMs,
  });
  const problem = problemOfImage(bytes);
  if (problem === 'is too large') {
    throw new ProblemError(
      'body-too-large',
      `an image may have ${IMAGE_LIMIT_PIXELS} pixels, and this has more`,
    );
  }
  if (problem) throw unsupported(`the body is no image of one of the types ${TYPES}`);
  const input: Record<string, unknown> = { [column.member]: bytes.toString('base64') };
  const submitted: Record<string, unknown> = { input };
  for (const [member, value] of Object.entries(given)) {
    const isOption = member === 'model' || Object.hasOwn(options, member);
    (isOption ? submitted : input)[member] = value;
  }
  return parseSubmission(models, submitted);
}
