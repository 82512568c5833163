import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { pageSocket, type SocketState } from './socket';

class FakeSocket {
  static made: FakeSocket[] = [];
  said: unknown[] = [];
  closed = false;
  onmessage: (event: { data: string }) => void = () => {};
  onclose: () => void = () => {};
  constructor() {
    FakeSocket.made.push(this);
  }
  send(text: string) {
    this.said.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  tell(frame: object) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
}

beforeEach(() => {
  FakeSocket.made = [];
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('tails and changes share a connection; lost, it is made again and tails go on; unused, it is closed', async () => {
  const states: SocketState[] = [];
  const endListening = pageSocket('a').listen({ state: (state) => states.push(state), changed: () => {} });
  let since = 1;
  const heard: string[] = [];
  const lost = vi.fn();
  const start = () => ({ query: '{}', since });
  const endTail = pageSocket('a').tail({ start, lost, heard: (frame) => heard.push(frame.type) });
  const [first] = FakeSocket.made as [FakeSocket];
  expect(first.said).toEqual([]); // not before the server is ready
  first.tell({ type: 'started' });
  const { id } = first.said[0] as { id: string };
  expect(first.said).toEqual([{ type: 'tail', id, query: '{}', since: 1 }]);
  first.tell({ type: 'logs', id, logs: [], ids: [], dropped: 0 });
  first.tell({ type: 'logs', id: 'another', logs: [], ids: [], dropped: 0 });
  expect(heard).toEqual(['logs']);

  since = 2;
  first.onclose();
  expect(lost).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2000);
  const [, second] = FakeSocket.made as [FakeSocket, FakeSocket];
  second.tell({ type: 'started' });
  expect(second.said).toEqual([{ type: 'tail', id, query: '{}', since: 2 }]);
  expect(states.map(({ state }) => state)).toEqual(['connecting', 'live', 'waiting', 'live']);
  expect(states.at(-1)).toEqual({ state: 'live', again: true });

  endTail();
  expect(second.said.at(-1)).toEqual({ type: 'stop', id });
  await Promise.resolve();
  expect(second.closed).toBe(false);
  endListening();
  await Promise.resolve();
  expect(second.closed).toBe(true);
  expect(FakeSocket.made).toHaveLength(2);
});
