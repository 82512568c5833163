/** Paints the map: calls by colour, nodes, and as many labels as have room, the busiest first. */

import type { Drawn } from './Drawing';
import { KINDS } from './differences';
import { COLORS, curve, type Edge, edgeKey, isDashed, labelOf, type Node, SHAPES, widthsOf } from './looks';

const LABEL_PX = 11;
const BELOW_PX = 6;
const THINNEST_PX = 0.9;

type Palette = (name: string) => string;

export function paint(canvas: HTMLCanvasElement, drawn: Drawn, size: { width: number; height: number }): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = size.width * ratio;
  canvas.height = size.height * ratio;
  const style = getComputedStyle(canvas);
  const palette: Palette = (name) => style.getPropertyValue(name).trim() || style.color;
  const { x, y, k } = drawn.transform;
  context.setTransform(ratio * k, 0, 0, ratio * k, ratio * x, ratio * y);
  paintEdges(context, drawn, palette);
  paintNodes(context, drawn, palette);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = `${LABEL_PX}px ${style.fontFamily}`;
  context.textAlign = 'center';
  paintLabels(context, drawn, size, palette, style.color);
}

/** Calls that look alike are one stroke: thousands of strokes are what is slow. */
function paintEdges(context: CanvasRenderingContext2D, drawn: Drawn, palette: Palette): void {
  const widthOf = widthsOf(drawn.map);
  const alike = new Map<string, Path2D>();
  for (const edge of drawn.map.edges) {
    const [from, to] = [drawn.places.get(edge.source), drawn.places.get(edge.target)];
    if (!from || !to) continue;
    const look = JSON.stringify(lookOf(edge, drawn, widthOf(edge)));
    const path = alike.get(look) ?? new Path2D();
    path.addPath(new Path2D(curve(from, to, edge.source === edge.target)));
    alike.set(look, path);
  }
  for (const [look, path] of alike) {
    const { color, width, dash, opacity } = JSON.parse(look) as ReturnType<typeof lookOf>;
    context.globalAlpha = opacity;
    context.strokeStyle = palette(color);
    context.lineWidth = Math.max(width, THINNEST_PX / drawn.transform.k);
    context.setLineDash(dash);
    context.stroke(path);
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

function lookOf(edge: Edge, { chosen, differences }: Drawn, width: number) {
  const difference = differences?.edges.get(edgeKey(edge));
  const away = chosen !== null && chosen !== edge.source && chosen !== edge.target;
  const color = difference
    ? KINDS[difference.kind].color
    : differences || edge.health === 'healthy'
      ? '--quiet'
      : (COLORS[edge.health] ?? '--quiet');
  return {
    color,
    width: Math.round(2 * width) / 2,
    dash: difference?.kind === 'gone' ? [2, 4] : isDashed(edge) ? [6, 4] : [],
    opacity: away ? 0.05 : difference || color !== '--quiet' ? 0.8 : 0.3,
  };
}

function paintNodes(context: CanvasRenderingContext2D, drawn: Drawn, palette: Palette): void {
  const shapes = new Map(Object.entries(SHAPES).map(([type, path]) => [type, new Path2D(path)]));
  for (const node of drawn.map.nodes) {
    const at = drawn.places.get(node.id);
    const shape = shapes.get(node.type) ?? shapes.get('service');
    if (!at || !shape) continue;
    const difference = drawn.differences?.nodes.get(node.id);
    context.save();
    context.translate(at.x, at.y);
    context.globalAlpha = drawn.isFaint(node) ? 0.15 : 1;
    context.fillStyle = palette(node.health === 'failing' ? '--bad' : '--panel');
    context.strokeStyle = palette(COLORS[node.health] ?? '--quiet');
    context.lineWidth = drawn.chosen === node.id || drawn.focus === node.name ? 7 : 3;
    context.fill(shape);
    context.stroke(shape);
    if (difference) {
      context.strokeStyle = palette(KINDS[difference.kind].color);
      context.lineWidth = 3;
      context.setLineDash([4, 4]);
      context.strokeRect(-24, -24, 48, 48);
    }
    context.restore();
  }
}

function paintLabels(
  context: CanvasRenderingContext2D,
  drawn: Drawn,
  size: { width: number; height: number },
  palette: Palette,
  ink: string,
): void {
  const { x, y, k } = drawn.transform;
  const taken: { left: number; right: number; top: number; bottom: number }[] = [];
  context.lineWidth = 3;
  context.strokeStyle = palette('--panel');
  for (const node of [...drawn.map.nodes].sort((a, b) => rank(b, drawn) - rank(a, drawn))) {
    const place = drawn.places.get(node.id);
    if (!place || drawn.isFaint(node)) continue;
    const at = { x: x + k * place.x, y: y + k * (place.y + 16) + BELOW_PX + LABEL_PX / 2 };
    if (at.x < 0 || at.x > size.width || at.y < 0 || at.y > size.height + LABEL_PX) continue;
    const difference = drawn.differences?.nodes.get(node.id);
    const text = `${difference ? `${KINDS[difference.kind].sign} ` : ''}${labelOf(node)}`;
    const half = context.measureText(text).width / 2 + 3;
    const box = { left: at.x - half, right: at.x + half, top: at.y - LABEL_PX, bottom: at.y + 3 };
    if (taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    context.strokeText(text, at.x, at.y);
    context.fillStyle = difference ? palette(KINDS[difference.kind].color) : ink;
    context.fillText(text, at.x, at.y);
  }
}

type Box = { left: number; right: number; top: number; bottom: number };

function overlap(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

/** What is chosen, different or not healthy is named before what is only busy. */
function rank(node: Node, { chosen, differences }: Drawn): number {
  const loud = node.health === 'failing' ? 2 : node.health === 'degraded' ? 1 : 0;
  return node.rate_per_s + 1e9 * (loud + (differences?.nodes.has(node.id) ? 4 : 0) + (node.id === chosen ? 8 : 0));
}
