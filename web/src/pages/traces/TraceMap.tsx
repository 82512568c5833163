import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import { type Column, Grid } from '../../components/Grid';
import { Scroll } from '../../components/Scroll';
import type { Row } from '../../lib/trace';
import { type MapEdge, type MapNode, mapTrace } from '../../lib/traceMap';
import { formatCount, formatNs, plural } from '../../lib/units';
import { serviceColor } from '../../theme';

const BOX = { width: 170, height: 46 };
const STEP = { x: 270, y: 70 };
const PAD = 16;

const COLUMNS: Column<MapEdge>[] = [
  { name: 'From', cell: ({ from }) => from, by: ({ from }) => from },
  { name: 'To', cell: ({ to }) => to, by: ({ to }) => to },
  { name: 'Calls', number: true, cell: ({ calls }) => formatCount(calls), by: ({ calls }) => calls },
  { name: 'Failed', number: true, cell: ({ errors }) => formatCount(errors), by: ({ errors }) => errors },
  { name: 'Time', number: true, cell: ({ totalNs }) => formatNs(totalNs), by: ({ totalNs }) => totalNs / 1e6 },
];

/** Who called whom in this trace, drawn and as a table. */
export function TraceMap({ rows }: { rows: Row[] }) {
  const map = useMemo(() => mapTrace(rows), [rows]);
  const dark = useComputedColorScheme('light') === 'dark';
  const at = new Map(map.nodes.map((node) => [node.service, place(node)]));
  const [width, height] = [(map.columns - 1) * STEP.x + BOX.width, (map.rows - 1) * STEP.y + BOX.height];
  return (
    <div style={{ display: 'grid', gap: 8, minWidth: 0 }}>
      <Scroll className="panel" label="Map of the trace" maxHeight="calc(60vh)">
        <svg
          width={width + 2 * PAD}
          height={height + 2 * PAD + 12}
          role="img"
          aria-label={`${plural(map.nodes.length, 'service')}, ${plural(map.edges.length, 'connection')}; the table below says the same`}
        >
          <defs>
            <marker
              id="trace-map-end"
              viewBox="0 0 8 8"
              refX="8"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path d="M0 0L8 4L0 8z" fill="var(--quiet)" />
            </marker>
          </defs>
          {map.edges.map((edge) => {
            const [from, to] = [at.get(edge.from), at.get(edge.to)];
            return from && to && <Edge key={`${edge.from} ${edge.to}`} edge={edge} from={from} to={to} />;
          })}
          {map.nodes.map((node) => (
            <Box key={node.service} node={node} color={serviceColor(node.service, dark)} />
          ))}
        </svg>
      </Scroll>
      <Grid
        caption="Calls between services"
        rows={map.edges}
        columns={COLUMNS}
        rowKey={({ from, to }) => `${from}\n${to}`}
        height="40vh"
      />
    </div>
  );
}

interface Point {
  x: number;
  y: number;
}

function place({ column, row }: MapNode): Point {
  return { x: PAD + column * STEP.x, y: PAD + row * STEP.y };
}

function Box({ node, color }: { node: MapNode; color: string }) {
  const { x, y } = place(node);
  const name = node.service.length > 22 ? `${node.service.slice(0, 21)}…` : node.service;
  return (
    <g>
      <title>{`${node.service}: ${plural(node.spans, 'span')}, ${formatNs(node.selfNs)} of its own`}</title>
      <rect
        {...{ x, y, ...BOX }}
        rx={4}
        fill="var(--panel)"
        stroke={node.errors ? 'var(--bad)' : color}
        strokeWidth={node.errors ? 2 : 1.5}
      />
      <rect {...{ x, y, height: BOX.height }} width={5} rx={2} fill={color} />
      <text x={x + 13} y={y + 19} fontSize={12} fontWeight={600} fill="currentColor">
        {name}
      </text>
      <text x={x + 13} y={y + 36} fontSize={11} fill="var(--quiet)">
        {plural(node.spans, 'span')} · {formatNs(node.selfNs)}
        {node.errors > 0 && <tspan fill="var(--bad)"> · {node.errors} failed</tspan>}
      </text>
    </g>
  );
}

function Edge({ edge, from, to }: { edge: MapEdge; from: Point; to: Point }) {
  const forward = to.x > from.x;
  const start = {
    x: forward ? from.x + BOX.width : from.x + BOX.width / 2,
    y: from.y + BOX.height / (forward ? 2 : 1),
  };
  const end = { x: forward ? to.x : to.x + BOX.width / 2, y: to.y + (forward ? BOX.height / 2 : BOX.height) };
  const bend = forward ? (end.x - start.x) / 2 : 0;
  const sag = forward ? 0 : 24;
  return (
    <g>
      <path
        d={`M${start.x} ${start.y}C${start.x + bend} ${start.y + sag} ${end.x - bend} ${end.y + sag} ${end.x} ${end.y}`}
        fill="none"
        stroke={edge.errors ? 'var(--bad)' : 'var(--quiet)'}
        strokeWidth={1.2 + Math.min(3, Math.log10(edge.calls) * 1.2)}
        markerEnd="url(#trace-map-end)"
      />
      <text
        x={(start.x + end.x) / 2}
        y={(start.y + end.y) / 2 - 5 + sag / 2}
        fontSize={11}
        textAnchor="middle"
        fill="var(--quiet)"
      >
        {edge.calls > 1 ? `${edge.calls} × ` : ''}
        {formatNs(edge.totalNs / edge.calls)}
      </text>
    </g>
  );
}
