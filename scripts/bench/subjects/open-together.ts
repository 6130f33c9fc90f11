import type { Logger } from '../../../shared/log/logger.js';
import { ReleaseStack } from '../../../shared/process/release-stack.js';

/**
 * Opens several things as one; each registers its end with `release`. `stop` ends them, the last first, and so does a
 * failure to open one of them.
 */
export async function openTogether<T extends object>(
  log: Logger,
  open: (release: ReleaseStack) => Promise<T>,
): Promise<T & { stop(): Promise<void> }> {
  const release = new ReleaseStack();
  const stop = (): Promise<void> => release.run(log);
  try {
    return { ...(await open(release)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
