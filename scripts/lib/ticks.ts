/** Round numbers from 0, or from `minimum`, that reach past `maximum`, about `count` steps. */
export function roundTicks(maximum: number, count = 5, minimum = 0): number[] {
  const rough = (maximum - minimum) / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * magnitude).find((candidate) => candidate >= rough)!;
  const first = Math.floor(minimum / step);
  const last = Math.ceil(maximum / step);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toFixed(6)));
}
