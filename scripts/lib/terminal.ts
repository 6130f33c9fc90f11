/** Styles for words; plain text where the output is no terminal. */
export interface Style {
  title(text: string): string;
  link(text: string): string;
  faint(text: string): string;
}

const paint = (code: string) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const plain = (text: string) => text;

/** Colours for a terminal, none elsewhere. */
export const styleFor = (isTerminal: boolean): Style =>
  isTerminal
    ? { title: paint('1;33'), link: paint('4;36'), faint: paint('2') }
    : { title: plain, link: plain, faint: plain };

/** Columns of a line on a terminal that does not tell its width. */
export const USUAL_COLUMNS = 120;

const BAR_WIDTH = { least: 6, most: 28 } as const;

/** A bar, `share` of it full, and a text, on one line that fits: the bar gives way to the text. */
export function barLine(share: number, text: string, columns: number): string {
  const width = Math.max(BAR_WIDTH.least, Math.min(BAR_WIDTH.most, columns - text.length - 5));
  const filled = Math.round(width * share);
  return `  ${paint('36')('█'.repeat(filled))}${paint('2;36')('░'.repeat(width - filled))}  ${text}`;
}

/** Writes a line on standard error, above the bar that may be drawn there. */
export const sayAboveBar = (line: string): void =>
  console.error(`${process.stderr.isTTY ? '\r\u001b[K' : ''}${line}`);
