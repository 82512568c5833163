import { Paper, Text, UnstyledButton } from '@mantine/core';
import { HealthMark } from '../../components/HealthMark';
import { NodeLink } from '../../components/NodeLink';
import { formatMs, formatRate, formatShare, plural } from '../../lib/units';
import { type Difference, KINDS } from './differences';
import { labelOf, type Node } from './looks';
import type { MapAnswer } from './MapPage';

const SHOWN = 6;

interface Props {
  node: Node;
  map: MapAnswer;
  difference?: Difference;
  onFocus: (node: Node) => void;
  onEdge: (source: string, target: string) => void;
}

/** The figures of the node that was chosen, and its busiest calls. */
export function Card({ node, map, difference, onFocus, onEdge }: Props) {
  const calls = map.edges.filter(({ source, target }) => source === node.id || target === node.id).slice(0, SHOWN);
  const names = new Map(map.nodes.map((each) => [each.id, labelOf(each)]));
  return (
    <Paper withBorder shadow="sm" p="sm" pos="absolute" left={8} bottom={8} maw={320} role="status">
      <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }} lineClamp={4}>
        {node.type === 'group' ? node.name || 'Services of which nothing is known' : <NodeLink id={node.id} />}
      </Text>
      <Text size="xs">
        <HealthMark health={node.health} label />
        {difference && <b style={{ color: `var(${KINDS[difference.kind].color})` }}> · {difference.words}</b>}
      </Text>
      <Text size="xs" className="quiet">
        {formatRate(node.rate_per_s)} · errors {formatShare(node.error_ratio)} · p50 {formatMs(node.p50_ms)} · p95{' '}
        {formatMs(node.p95_ms)} · p99 {formatMs(node.p99_ms)}
      </Text>
      {node.members.length > 0 && (
        <Text size="xs" component="div">
          {plural(node.members.length, 'service')}:{' '}
          {node.members.slice(0, SHOWN).map((name, place) => (
            <span key={name}>
              {place > 0 && ', '}
              <NodeLink id={`service:${name}`} />
            </span>
          ))}
          {node.members.length > SHOWN && ` and ${node.members.length - SHOWN} more`}
        </Text>
      )}
      {node.type !== 'group' &&
        calls
          .filter(({ source, target }) => !`${source} ${target}`.includes('group:'))
          .map(({ source, target, kind }) => (
            <UnstyledButton
              key={`${source} ${target} ${kind}`}
              display="block"
              fz="xs"
              maw="100%"
              className="cut link"
              onClick={() => onEdge(source, target)}
            >
              {names.get(source)} → {names.get(target)} over time
            </UnstyledButton>
          ))}
      {(node.type === 'service' || node.type === 'group') && (
        <UnstyledButton fz="xs" className="link" onClick={() => onFocus(node)}>
          Only what is around it
        </UnstyledButton>
      )}
    </Paper>
  );
}
