import { expect, test } from 'vitest';
import { toCsv } from '../../lib/files';
import { topFields } from './fieldCounts';
import { columnsOf } from './LineTable';
import { type Line, recordOf, sheetOf, toLines } from './lines';

const STREAMS = {
  data: {
    resultType: 'streams',
    result: [
      {
        stream: { service_name: 'cart', user: 'ann' },
        values: [['1700000000000000002', 'second'] as [string, string]],
      },
      {
        stream: { service_name: 'cart', user: 'bob' },
        values: [
          ['1700000000000000003', '{"code":7}'],
          ['1700000000000000001', 'first'],
        ] as [string, string][],
      },
    ],
  },
};
const lines: Line[] = toLines(STREAMS);

test('lines of all streams are in order of nanoseconds, newest first', () => {
  expect(lines.map(({ text }) => text)).toEqual(['{"code":7}', 'second', 'first']);
});

test('a line that is JSON is shown as an object', () => {
  expect(recordOf(lines[0] as Line)).toMatchObject({ line: { code: 7 }, fields: { user: 'bob' } });
  expect(recordOf(lines[1] as Line)).toMatchObject({ line: 'second' });
});

test('a table has columns for fields that tell lines apart', () => {
  expect(columnsOf(lines)).toEqual(['user']);
  expect(topFields(lines).map(({ name }) => name)).toEqual(['service_name', 'user']);
});

test('an export has every field of every line, and all digits of its time', () => {
  expect(toCsv(sheetOf(lines)).split('\r\n').slice(0, 2)).toEqual([
    'time,time_ns,line,service_name,user',
    '2023-11-14T22:13:20.000Z,1700000000000000003,"{""code"":7}",cart,bob',
  ]);
});
