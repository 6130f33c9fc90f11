#!/usr/bin/env node
// npm run test:native: the engine "node", and the package of "gpu", on TensorFlow's own library; scripts/test.mjs tests them
// once they are there. Says aloud where they cannot be built.
import { fetchWheel, findCompiler, setUpNative } from './setup/native.mjs';
import { prepare } from './setup/prepare.mjs';
import { firstLine, main } from './setup/setup-error.mjs';

/** Why nothing can be built here, or undefined. */
const whyNot = async () => {
  try {
    findCompiler();
    await fetchWheel();
  } catch (error) {
    return firstLine(error);
  }
};

await main(async () => {
  // The same as scripts/test.mjs: another installation would remove what is built here.
  await prepare({ onnx: true, images: true });
  const why = await whyNot();
  if (why === undefined) await setUpNative({ gpu: true });
  else console.log(`NOT RUN: engines on TensorFlow's own library, since ${why}`);
});
