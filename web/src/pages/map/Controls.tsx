import { Group, NativeSelect, NumberInput, SegmentedControl, TextInput } from '@mantine/core';
import { SearchBox } from '../../components/SearchBox';

const HEALTHS = [
  { label: 'All calls', value: '' },
  { label: 'Failing calls', value: 'failing' },
  { label: 'Degraded calls', value: 'degraded' },
  { label: 'Healthy calls', value: 'healthy' },
];
const GROUPS = [
  { label: 'Each service', value: '' },
  { label: 'By namespace', value: 'namespace' },
  { label: 'By team', value: 'team' },
  { label: 'By version', value: 'version' },
];
const DIFFERENCES = [
  { label: 'No comparison', value: '' },
  { label: 'With just before', value: 'before' },
  { label: 'With yesterday', value: 'day' },
  { label: 'With last week', value: 'week' },
];

export type Asked = Partial<Record<'focus' | 'up' | 'down' | 'find' | 'as' | 'health' | 'group' | 'diff', string>>;

interface Props {
  asked: Asked;
  names: string[];
  set: (changed: Asked) => void;
}

/** What of the map is shown, and how. */
export function Controls({ asked, names, set }: Props) {
  const { focus = '', find = '', as = 'map', health = '', group = '', diff = '' } = asked;
  const hops = (name: 'up' | 'down', label: string) => (
    <NumberInput
      aria-label={label}
      title={label}
      value={Number(asked[name] ?? 2)}
      prefix={name === 'up' ? '↑ ' : '↓ '}
      min={0}
      max={10}
      size="xs"
      w={62}
      onChange={(value) => set({ [name]: String(value || 0) })}
    />
  );
  const choice = (
    name: 'health' | 'group' | 'diff',
    label: string,
    data: typeof HEALTHS,
    value: string,
    other: Asked = {},
  ) => (
    <NativeSelect
      aria-label={label}
      size="xs"
      data={data}
      value={value}
      onChange={(event) => set({ ...other, [name]: event.currentTarget.value || undefined })}
    />
  );
  return (
    <Group gap="xs">
      <SearchBox
        label="Highlight nodes by name"
        placeholder="Highlight"
        value={find}
        w={110}
        onSearch={(text) => set({ find: text || undefined })}
      />
      <TextInput
        aria-label="Focus on a service"
        placeholder="Focus: all services"
        value={focus}
        list="map-names"
        w={150}
        onChange={(event) => set({ focus: event.currentTarget.value || undefined })}
      />
      <datalist id="map-names">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {focus && hops('up', 'Hops up, to its callers')}
      {focus && hops('down', 'Hops down, to what it calls')}
      {choice('health', 'Calls by health', HEALTHS, health)}
      {choice('group', 'Group services', GROUPS, group, { focus: undefined })}
      {choice('diff', 'Compare', DIFFERENCES, diff)}
      <SegmentedControl
        aria-label="Show as"
        value={as}
        onChange={(value) => set({ as: value === 'map' ? undefined : value })}
        data={[
          { label: 'Map', value: 'map' },
          { label: 'Table', value: 'table' },
        ]}
      />
    </Group>
  );
}
