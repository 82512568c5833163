/** Where panels lie: 24 columns, and rows that are never left empty. */

export const COLUMNS = 24;
export const ROW_PX = 30;
export const GAP_PX = 8;
const MAX_HEIGHT = 60;

export interface GridPlace {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Placed {
  id: number;
  grid: GridPlace;
}

function overlap(a: GridPlace, b: GridPlace): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

function byPlace(a: Placed, b: Placed): number {
  return a.grid.y - b.grid.y || a.grid.x - b.grid.x || a.id - b.id;
}

/** Within the columns, and of a possible size. */
export function clamp({ x, y, w, h }: GridPlace): GridPlace {
  const width = Math.min(COLUMNS, Math.max(1, Math.round(w)));
  return {
    x: Math.min(COLUMNS - width, Math.max(0, Math.round(x))),
    y: Math.max(0, Math.round(y)),
    w: width,
    h: Math.min(MAX_HEIGHT, Math.max(1, Math.round(h))),
  };
}

/** No panel over another: `first` stays where it is, what it covers moves down, and then all move up as far as they can. */
export function settle<T extends Placed>(panels: readonly T[], first?: number): T[] {
  const order = [...panels].sort((a, b) => Number(b.id === first) - Number(a.id === first) || byPlace(a, b));
  const pushed: T[] = [];
  for (const panel of order) {
    let grid = panel.grid;
    for (;;) {
      const hit = pushed.filter((other) => overlap(grid, other.grid));
      if (hit.length === 0) break;
      grid = { ...grid, y: Math.max(...hit.map((other) => other.grid.y + other.grid.h)) };
    }
    pushed.push({ ...panel, grid });
  }
  const settled: T[] = [];
  for (const panel of pushed.sort(byPlace)) {
    const above = settled.filter(({ grid }) => panel.grid.x < grid.x + grid.w && grid.x < panel.grid.x + panel.grid.w);
    settled.push({ ...panel, grid: { ...panel.grid, y: Math.max(0, ...above.map(({ grid }) => grid.y + grid.h)) } });
  }
  return settled;
}

/** The panels after one was moved or resized. */
export function place<T extends Placed>(panels: readonly T[], id: number, grid: GridPlace): T[] {
  return settle(
    panels.map((panel) => (panel.id === id ? { ...panel, grid: clamp(grid) } : panel)),
    id,
  );
}

/** Below all others. */
export function bottom(panels: readonly Placed[]): number {
  return Math.max(0, ...panels.map(({ grid }) => grid.y + grid.h));
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** What a key does to a panel; null: nothing. Going up must pass what is above, because rows are never left empty. */
export function byKey<T extends Placed>(panels: readonly T[], id: number, key: string, size: boolean): T[] | null {
  const arrow = ARROWS[key];
  const panel = panels.find((each) => each.id === id);
  if (!arrow || !panel) return null;
  const [dx, dy] = arrow;
  const { x, y, w, h } = panel.grid;
  if (size) return place(panels, id, { x, y, w: Math.min(COLUMNS - x, w + dx), h: h + dy });
  if (dy === 0) return place(panels, id, { x: x + dx, y, w, h });
  const beside = panels.filter(({ id: other, grid }) => other !== id && x < grid.x + grid.w && grid.x < x + w);
  const next =
    dy < 0
      ? beside
          .filter(({ grid }) => grid.y < y)
          .sort(byPlace)
          .at(-1)
      : beside.filter(({ grid }) => grid.y >= y + h).sort(byPlace)[0];
  if (!next) return [...panels];
  return dy < 0 ? place(panels, id, { ...panel.grid, y: next.grid.y }) : place(panels, next.id, { ...next.grid, y });
}
