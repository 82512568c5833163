import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { p95, Refresher } from './useLive';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('changes while it reads make one more reading, and count from the oldest of them', async () => {
  const delays: number[] = [];
  let finish = () => {};
  const read = vi.fn(
    () =>
      new Promise<void>((done) => {
        finish = done;
      }),
  );
  const refresher = new Refresher(read, (delay) => delays.push(Math.round(delay)));
  refresher.changed(500);
  expect(read).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(100);
  refresher.changed(50);
  refresher.changed(0);
  finish();
  await vi.advanceTimersByTimeAsync(0);
  expect(delays).toEqual([600]);
  await vi.advanceTimersByTimeAsync(999);
  expect(read).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(read).toHaveBeenCalledTimes(2);
  finish();
  await vi.advanceTimersByTimeAsync(0);
  expect(delays).toEqual([600, 1050]);
  refresher.stop();
  refresher.changed(0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(read).toHaveBeenCalledTimes(2);
});

test.each([
  [[], null],
  [[7], 7],
  [Array.from({ length: 100 }, (_, place) => 100 - place), 95],
])('p95 of %s', (values, expected) => {
  expect(p95(values)).toBe(expected);
});
