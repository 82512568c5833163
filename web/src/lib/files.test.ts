import { expect, test } from 'vitest';
import { fileName, readTable, toCsv, toJson } from './files';

const SHEET = {
  columns: ['service', 'p99, ms'],
  rows: [
    ['say "hi"', -1.5],
    ['=HYPERLINK("http://evil")', null],
    ['two\nlines', Number.NaN],
  ],
};

test('CSV quotes what has to be, and disarms formulas', () => {
  expect(toCsv(SHEET)).toBe(
    'service,"p99, ms"\r\n"say ""hi""",-1.5\r\n"\'=HYPERLINK(""http://evil"")",\r\n"two\nlines",',
  );
});

test('JSON has an object for each row', () => {
  expect(JSON.parse(toJson(SHEET))[0]).toEqual({ service: 'say "hi"', 'p99, ms': -1.5 });
});

test.each([
  ['sum by (a) (rate(x[5m]))', 'sum-by-a-rate-x-5m'],
  ['../../etc/passwd', 'etc-passwd'],
  ['§', 'traceo'],
])('%s becomes a file named %s', (text, expected) => {
  expect(fileName(text)).toBe(expected);
});

test('a table of the document is read as it is seen', () => {
  const table = document.createElement('table');
  table.innerHTML = '<thead><tr><th>Name</th></tr></thead><tbody><tr><td> a <b>b</b></td></tr></tbody>';
  expect(readTable(table)).toEqual({ columns: ['Name'], rows: [['a b']] });
});
