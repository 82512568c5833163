import { formatMs, formatRate, formatShare } from '../../lib/units';
import type { Drawn } from './Drawing';
import { type Difference, KINDS } from './differences';
import { COLORS, curve, type Edge, edgeKey, isDashed, labelOf, type Node, SHAPES, widthsOf } from './looks';

const LABEL = 11;
/** On the screen, however small the map: on a phone. */
const SMALLEST_LABEL_PX = 9;

/** The map as elements: each node is a button. */
export function Picture(drawn: Drawn) {
  const { map, places, transform } = drawn;
  const widthOf = widthsOf(map);
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no fieldset
    <svg
      width="100%"
      height="100%"
      role="group"
      aria-label={`Map of ${map.nodes.length} nodes; the same as a table: button Table`}
      style={{ cursor: 'grab', display: 'block' }}
    >
      <defs>
        <marker
          id="arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto"
          markerUnits="userSpaceOnUse"
        >
          <path d="M0,0L8,4L0,8z" fill="var(--quiet)" />
        </marker>
      </defs>
      <g transform={transform.toString()}>
        {map.edges.map((edge) => {
          const [from, to] = [places.get(edge.source), places.get(edge.target)];
          if (!from || !to) return null;
          const path = curve(from, to, edge.source === edge.target);
          return <Line key={edgeKey(edge)} {...{ edge, path, drawn }} width={widthOf(edge)} />;
        })}
        {map.nodes.map((node) => {
          const at = places.get(node.id);
          return at && <Mark key={node.id} {...{ node, at, drawn }} />;
        })}
      </g>
    </svg>
  );
}

function Line({ edge, path, drawn, width }: { edge: Edge; path: string; drawn: Drawn; width: number }) {
  const { chosen, differences, onEdge } = drawn;
  const difference = differences?.edges.get(edgeKey(edge));
  const dim = chosen !== null ? chosen !== edge.source && chosen !== edge.target : differences && !difference;
  const color = difference ? KINDS[difference.kind].color : edge.health === 'healthy' ? '--quiet' : COLORS[edge.health];
  const gone = difference?.kind === 'gone';
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: by keyboard, the card of a node and the table open it
    <path
      d={path}
      fill="none"
      stroke={`var(${differences && !difference ? '--quiet' : color})`}
      strokeWidth={gone ? 1.5 : width}
      strokeDasharray={gone ? '2 4' : isDashed(edge) ? '6 4' : undefined}
      opacity={dim ? (chosen === null ? 0.25 : 0.08) : difference ? 0.9 : 0.55}
      markerEnd="url(#arrow)"
      style={{ cursor: 'pointer' }}
      onClick={() => onEdge(edge.source, edge.target)}
    >
      <title>{describeEdge(edge, difference)}</title>
    </path>
  );
}

function describeEdge(edge: Edge, difference?: Difference): string {
  const figures = `${formatRate(edge.rate_per_s)}, errors ${formatShare(edge.error_ratio)}, p95 ${formatMs(edge.p95_ms)}`;
  return `${edge.source} → ${edge.target}: ${difference ? `${difference.words}; ` : ''}${figures}`;
}

function Mark({ node, at, drawn }: { node: Node; at: { x: number; y: number }; drawn: Drawn }) {
  const { chosen, focus, differences, isFaint, onChoose, onFocus } = drawn;
  const shown = labelOf(node);
  const difference = differences?.nodes.get(node.id);
  const kind = difference && KINDS[difference.kind];
  const choose = () => onChoose(chosen === node.id ? null : node.id);
  const told = difference ? `, ${difference.words}` : '';
  const letters = Math.max(LABEL, SMALLEST_LABEL_PX / drawn.transform.k);
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no buttons
    <g
      transform={`translate(${at.x},${at.y})`}
      role="button"
      tabIndex={0}
      aria-label={`${shown.includes(node.name) ? shown : `${shown} (${node.name.slice(0, 300)})`}, ${node.type}, ${node.health}, ${formatRate(node.rate_per_s)}${told}`}
      aria-pressed={chosen === node.id}
      opacity={isFaint(node) ? 0.18 : 1}
      style={{ cursor: 'pointer' }}
      onClick={choose}
      onDoubleClick={() => onFocus(node)}
      onKeyDown={(event) => {
        if (event.key === 'Enter' || event.key === ' ') choose();
      }}
    >
      {kind && <circle r={22} fill="none" stroke={`var(${kind.color})`} strokeWidth={1.5} strokeDasharray="3 3" />}
      <path
        d={SHAPES[node.type] ?? SHAPES.service}
        fill="var(--panel)"
        stroke={`var(${COLORS[node.health]})`}
        strokeWidth={chosen === node.id || focus === node.name ? 5 : 2.5}
        strokeDasharray={difference?.kind === 'gone' ? '2 3' : undefined}
      />
      {node.health === 'failing' && <path d="M-4,-4L4,4M-4,4L4,-4" stroke="var(--bad)" strokeWidth={2} />}
      {node.health === 'degraded' && <path d="M0,-6v7M0,4v2" stroke="var(--warn)" strokeWidth={2.5} />}
      <text y={17 + letters} textAnchor="middle" fontSize={letters} fill="currentColor">
        {kind && (
          <tspan fontWeight={700} fill={`var(${kind.color})`}>
            {kind.sign}{' '}
          </tspan>
        )}
        {shown}
      </text>
    </g>
  );
}
