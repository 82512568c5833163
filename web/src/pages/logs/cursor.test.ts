import { expect, test } from 'vitest';
import { Cursor } from './cursor';

test('a tail that has not begun asks for nothing but what comes', () => {
  expect(new Cursor().next()).toEqual({});
});

test('it goes on where it began, or a minute before the newest line, and names what it has', () => {
  const cursor = new Cursor();
  cursor.began(1000);
  expect(cursor.next()).toEqual({ since: 1000, seen: [] });
  cursor.saw(['1001-7', '1003-8']);
  cursor.began(1002); // the connection was lost meanwhile
  expect(cursor.next()).toEqual({ since: 1000, seen: ['1001-7', '1003-8'] });
  cursor.saw(['1062-9']);
  expect(cursor.next()).toEqual({ since: 1002, seen: ['1003-8', '1062-9'] });
});

test('what it does not remember is not asked for again', () => {
  const cursor = new Cursor();
  cursor.began(1000);
  cursor.saw(Array.from({ length: 1500 }, (_, place) => `${1000 + Math.floor(place / 100)}-${place}`));
  const { since, seen } = cursor.next();
  expect(since).toBe(1005);
  expect(seen).toHaveLength(1000);
});
