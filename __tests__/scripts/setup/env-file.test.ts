import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { linesThatSetNothing } from '../../../scripts/setup/project.mjs';

it('finds the lines of an env file that set nothing', () => {
  const text = '# how\n\nPORT=1\r\n export A = b # c\nPORT 8182\nB="x\ny=\nz"\nC=it\'s\n=1\nlast';
  expect(linesThatSetNothing(text)).toEqual([5, 10, 11]);
});

it('finds none in the example', () => {
  expect(linesThatSetNothing(readFileSync(resolve(__dirname, '../../../.env.example'), 'utf8'))).toEqual([]);
});
