import { type Static, Type } from '../validation/schema.js';
import { closed, text, word } from './parts.js';

/** The original service's health body: exactly these members. */
export const Health = closed(
  {
    name: text('SERVICE_NAME.'),
    api_version: text('API_VERSION.'),
    model_version: text("MODEL_VERSION, else the default model's."),
  },
  'As the original service has it.',
);

const Check = closed({
  ok: Type.Boolean({ description: 'Whether all is well with it.' }),
  required: Type.Boolean({ description: 'Whether the whole is unavailable without it.' }),
  detail: Type.Optional(text('What was found, for people.')),
});
export type Check = Static<typeof Check>;

/** The findings of a probe, check by check. */
export const Probe = closed(
  {
    status: word(['ok', 'unavailable'], '`unavailable` when a check that is required has failed.'),
    checks: Type.Record(Type.String(), Check, { description: 'By name.' }),
  },
  'What a probe finds, check by check.',
);
