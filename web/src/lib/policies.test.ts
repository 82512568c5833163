import { expect, test } from 'vitest';
import { addTo, moveIn, openPolicies, setAt } from './policies';

const TEXT = `# Ours since March
decision_wait: 10s
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  # The slow ones
  - {name: slow, type: latency, latency: {threshold_ms: 1000}}
`;

test('a set is found in a collector configuration, too', () => {
  expect(openPolicies(TEXT)).toMatchObject({ base: [], set: { decision_wait: '10s' } });
  const inside = 'processors:\n  batch: {}\n  tail_sampling/main:\n    policies: []\n';
  expect(openPolicies(inside)).toEqual({ base: ['processors', 'tail_sampling/main'], set: { policies: [] } });
});

test.each(['policies: [', 'receivers: {}', 'text', ''])('%j is told to be no set', (text) => {
  expect(typeof openPolicies(text)).toBe('string');
});

test('a change leaves everything else as it was written', () => {
  expect(setAt(TEXT, ['policies', 1, 'latency', 'threshold_ms'], 250)).toBe(TEXT.replace('1000', '250'));
  expect(setAt(TEXT, ['decision_wait'], undefined)).not.toContain('decision_wait');
  expect(setAt(TEXT, ['decision_wait'], undefined)).toContain('# The slow ones');
});

test('a policy that loses its last field loses their mapping', () => {
  const less = setAt(TEXT, ['policies', 1, 'latency', 'threshold_ms'], undefined);
  expect(less).toContain('- {name: slow, type: latency}');
});

test('policies are added and moved', () => {
  const more = addTo(TEXT, ['policies'], { name: 'rest', type: 'always_sample' });
  expect(more).toContain('  - {name: rest, type: always_sample}\n');
  const moved = openPolicies(moveIn(more, ['policies'], 2, 0));
  expect(moved).toMatchObject({ set: { policies: [{ name: 'rest' }, { name: 'errors' }, { name: 'slow' }] } });
  expect(addTo('policies: []\n', ['budgets'], { name: 'a' })).toContain('budgets:\n  - name: a');
});
