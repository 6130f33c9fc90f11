import { type Static, Type } from '../validation/schema.js';
import { closed, text } from './parts.js';

/** Reply codes of the original service. */
export const REPLY = { ok: 0, noAnswerInTime: 1, taskFailed: 101 } as const;

/** The original service's answer. */
export const TripReply = closed(
  {
    reply_code: Type.Unsafe<number>({
      type: 'integer',
      enum: Object.values(REPLY),
      description: '0: done. 1: no answer in time. 101: the task failed.',
    }),
    duration: Type.Number({ description: 'Minutes; 0 unless done.' }),
  },
  'The answer of the original service.',
);
export type TripReply = Static<typeof TripReply>;

/** The original service's answer to a bad body. */
export const TripRefusal = closed(
  {
    message: text('What is wrong, in short.'),
    detail: Type.Array(
      closed({
        pointer: text('Member of the body, a JSON Pointer as a URI fragment.'),
        detail: text('The rule that it breaks.'),
      }),
      { description: 'Every broken rule (at most 100).' },
    ),
    body: Type.Unknown({ description: 'What was sent; null for what is not JSON.' }),
  },
  'The answer of the original service to a bad body.',
);
