/** `act`, which does nothing when it is called again within `everyMs`. */
export function sparingly<Args extends unknown[]>(
  everyMs: number,
  act: (...args: Args) => void,
): (...args: Args) => void {
  let quietUntilMs = 0;
  return (...args) => {
    if (performance.now() < quietUntilMs) return;
    quietUntilMs = performance.now() + everyMs;
    act(...args);
  };
}
