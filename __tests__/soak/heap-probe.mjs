// Loaded into a process under test: tells its parent, when asked, how much memory is in use once all garbage is gone.
process.on('message', (/** @type {{ type?: string }} */ message) => {
  if (message.type !== 'measure') return;
  globalThis.gc?.();
  process.send?.({ type: 'measured', heapBytes: process.memoryUsage().heapUsed });
});
