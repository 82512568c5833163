/** Where a tail goes on after its connection was lost. The server's seconds and ids: `<second of arrival>-<hash>`. */

const REMEMBERED = 1000;
const LATEST_S = 60; // a row may be seen so much later than its second says

export class Cursor {
  private ids: string[] = [];
  private since: number | null = null;

  /** A tail has begun: what arrives from this second on will be seen. */
  began(since: number): void {
    this.since ??= since;
  }

  saw(ids: readonly string[]): void {
    const all = [...this.ids, ...ids];
    const forgotten = all.slice(0, -REMEMBERED);
    this.ids = all.slice(-REMEMBERED);
    if (forgotten.length > 0) this.since = Math.max(this.since ?? 0, newest(forgotten) + 1);
  }

  /** What to ask for: all since then, but what was seen. */
  next(): { since?: number; seen?: string[] } {
    if (this.since === null) return {};
    const since = Math.max(this.since, newest(this.ids) - LATEST_S);
    return { since, seen: this.ids.filter((id) => secondOf(id) >= since) };
  }
}

function secondOf(id: string): number {
  return Number.parseInt(id, 10);
}

function newest(ids: readonly string[]): number {
  return ids.reduce((latest, id) => Math.max(latest, secondOf(id)), 0);
}
