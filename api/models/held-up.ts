import { Type } from '../../shared/validation/schema.js';

/** Why no job of a model runs. */
export const HeldUp = Type.String({
  description:
    'Why no job of it runs: no worker is there, or none that can serve it. Absent while one serves it.',
});

/** Packages that cannot be used. */
export const Refusals = (description: string) =>
  Type.Array(
    Type.Object(
      {
        name: Type.String({ description: 'Of the package.' }),
        reason: Type.String({ description: 'What is wrong with it.' }),
      },
      { additionalProperties: false, description: 'A package that is refused.' },
    ),
    { description },
  );
