'use strict';
const vm = require('node:vm');
const { ModernFakeTimers } = require('@jest/fake-timers');
const { ModuleMocker } = require('jest-mock');

/** What Jest is told to be the context of the tests; it stands for the realm that Jest itself runs in. */
const OWN_REALM = Object.freeze({});

const { compileFunction } = vm;
vm.compileFunction = (code, parameters, options) =>
  compileFunction(
    code,
    parameters,
    options?.parsingContext === OWN_REALM ? { ...options, parsingContext: undefined } : options,
  );

/**
 * Runs tests in the realm of their process, as the programs run, and not in a realm of their own as Jest does by default.
 * There `instanceof Error` is false for what Node throws, each use of a global goes through a proxy, and every test file loads
 * each package anew, because a package of one realm is of no use to another: a third of the CPU time of all tests. Modules of
 * this repository are still loaded anew for each file; `package-of-process.cjs` shares packages.
 */
module.exports = class OwnRealm {
  /** @param {import('@jest/environment').JestEnvironmentConfig} config */
  constructor({ projectConfig }) {
    this.global = Object.assign(globalThis, { packageOfProcess: require });
    this.globalsBefore = new Set(Reflect.ownKeys(globalThis));
    this.moduleMocker = new ModuleMocker(globalThis);
    this.fakeTimersModern = new ModernFakeTimers({ config: projectConfig, global: globalThis });
    this.fakeTimers = null;
  }
  async setup() {}
  async teardown() {
    this.fakeTimersModern.dispose();
    // TensorFlow.js, for one, keeps its engine and every variable's name in a global.
    for (const key of Reflect.ownKeys(globalThis)) {
      if (!this.globalsBefore.has(key)) Reflect.deleteProperty(globalThis, key);
    }
  }
  exportConditions() {
    return ['node', 'node-addons'];
  }
  getVmContext() {
    return OWN_REALM;
  }
};
