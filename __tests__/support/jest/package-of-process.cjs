'use strict';
const { createHash } = require('node:crypto');

/** @param {string} filename */
const codeOf = (filename) => `module.exports = globalThis.packageOfProcess(${JSON.stringify(filename)});`;

/**
 * Replaces a package's module by one that Node itself loads, once for all test files of a process.
 *
 * @type {Pick<import('@jest/transform').SyncTransformer, 'process' | 'getCacheKey'>}
 */
module.exports = {
  process: (_source, filename) => ({ code: codeOf(filename) }),
  getCacheKey: (_source, filename) => createHash('sha1').update(codeOf(filename)).digest('hex'),
};
