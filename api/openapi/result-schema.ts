import type { Manifest, ManifestOutput } from '../../shared/model/manifest.js';
import type { Json } from './json.js';

/** The schema of the results of a model, as its outputs say. */
export const resultSchema = ({ name, outputs }: Manifest): Json => ({
  description: `What ${name} answers.`,
  type: 'object',
  properties: Object.fromEntries(outputs.map((output) => [output.member, outputSchema(output)])),
  required: outputs.map(({ member }) => member),
  additionalProperties: false,
});

function outputSchema(output: ManifestOutput): Json {
  const { description = 'As the model says.', unit, shape, labels, top, minimum, maximum } = output;
  const said = { description: unit === undefined ? description : `${description} In ${unit}.` };
  const number: Json = {
    type: 'number',
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  };
  if (shape) {
    const nested = shape.reduceRight<Json>(
      (items, size) => ({ type: 'array', items, minItems: size, maxItems: size }),
      number,
    );
    return { ...said, ...nested };
  }
  if (!labels) return { ...said, ...number };
  const label: Json = { type: 'string', enum: labels };
  if (top === undefined) return { ...said, ...label };
  const scored = {
    type: 'object',
    properties: { label, score: number },
    required: ['label', 'score'],
    additionalProperties: false,
  };
  return { ...said, type: 'array', minItems: top, maxItems: top, items: scored };
}
