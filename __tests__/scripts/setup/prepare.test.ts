import { checkNode } from '../../../scripts/setup/prepare.mjs';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';
import { closingLine } from '../../../scripts/setup/test-summary.mjs';

describe('checkNode', () => {
  it.each(['20.11.0', '20.20.2', '22.0.0'])('accepts %s', (version) => {
    expect(() => checkNode(version)).not.toThrow();
  });

  it.each(['18.20.0', '20.10.9'])('refuses %s and says what is needed', (version) => {
    expect(() => checkNode(version)).toThrow(SetupError);
    expect(() => checkNode(version)).toThrow('Node 20.11 or newer');
  });
});

describe('closingLine', () => {
  const results = {
    numPassedTests: 7,
    numFailedTests: 0,
    numRuntimeErrorTestSuites: 0,
    numPendingTests: 0,
    numTodoTests: 0,
  };

  it('says how many passed and failed', () => {
    expect(closingLine(results)).toBe('7 passed, 0 failed');
  });

  it('counts a file that cannot run as a failure, and names skipped tests', () => {
    const broken = { ...results, numFailedTests: 1, numRuntimeErrorTestSuites: 1, numPendingTests: 2 };
    expect(closingLine(broken)).toBe('7 passed, 2 failed, 2 skipped');
  });
});
