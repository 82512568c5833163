import { screen, within } from '@testing-library/react';
import { useState } from 'react';
import { expect, test } from 'vitest';
import { serve, show } from '../../test-render';
import { PolicyForm } from './PolicyForm';

const FIELD = { required: false, default: null, choices: [], fields: [] };
const NUMBER = { ...FIELD, kind: 'integer', default: 0 };
const TYPES = {
  set: [
    { ...FIELD, name: 'policies', kind: 'policies', required: true },
    { ...FIELD, name: 'decision_wait', kind: 'duration', default: '30s' },
  ],
  types: [
    { type: 'always_sample', about: 'Every trace.', fields: [] },
    { type: 'latency', about: 'Slow ones.', fields: [{ ...NUMBER, name: 'threshold_ms' }] },
    {
      type: 'and',
      about: 'What all keep.',
      fields: [{ ...FIELD, name: 'and_sub_policy', kind: 'policies', required: true }],
    },
  ],
};
const TEXT = `# Ours
policies:
  - {name: slow, type: latency, latency: {threshold_ms: 500}} # half a second
`;

function Edited({ text }: { text: string }) {
  const [yaml, setYaml] = useState(text);
  return (
    <>
      <PolicyForm text={yaml} change={setYaml} />
      <pre data-testid="yaml">{yaml}</pre>
    </>
  );
}

const yaml = () => screen.getByTestId('yaml').textContent;

test('a field that is changed changes the YAML, and comments stay', async () => {
  serve({ 'GET /api/v1/sampling/policies/types': TYPES });
  const { user } = await show(<Edited text={TEXT} />, '/sampling');
  const slow = within(await screen.findByRole('group', { name: 'Policy slow' }));
  expect(slow.getByText('Slow ones.')).toBeTruthy();
  const threshold = slow.getByRole('textbox', { name: 'Threshold ms' });
  await user.clear(threshold);
  await user.type(threshold, '250');
  expect(yaml()).toBe(TEXT.replace('500', '250'));
});

test('policies are added, go into each other, and are removed', async () => {
  serve({ 'GET /api/v1/sampling/policies/types': TYPES });
  const both = 'policies:\n  - {name: both, type: and, and: {and_sub_policy: []}}\n';
  const { user } = await show(<Edited text={both} />, '/sampling');
  const group = within(await screen.findByRole('group', { name: 'Policy both' }));
  await user.click(group.getByRole('button', { name: 'Add a policy' }));
  expect(yaml()).toContain('{and_sub_policy: [{name: policy 1, type: always_sample}]}');
  await user.click(screen.getByRole('button', { name: 'Remove policy 1' }));
  await user.click(screen.getByRole('button', { name: 'Remove both' }));
  expect(yaml()).toBe('policies: []\n');
});

test('what is no YAML is left to be mended as text', async () => {
  serve({ 'GET /api/v1/sampling/policies/types': TYPES });
  await show(<Edited text="policies: [" />, '/sampling');
  expect(screen.getByRole('alert').textContent).toContain('Mend it as YAML');
});
