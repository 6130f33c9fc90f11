/** A line of a program's log; what is no JSON object comes as `line`. */
export function parseLogLine(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : { line };
  } catch {
    return { line };
  }
}
