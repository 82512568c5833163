import { Box, Group, NumberInput, SegmentedControl, Text, TextInput } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { type Answer, useApi } from '../../api/client';
import { Empty, SendData } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { Page } from '../../components/Page';
import { plural } from '../../lib/units';
import { useApiRange } from '../../lib/useRange';
import { Drawing } from './Drawing';
import { EdgeTable } from './EdgeTable';

export type MapAnswer = Answer<'/api/v1/map'>;

/** Who calls whom; around one service when it is in focus. */
export default function MapPage() {
  const { focus = '', hops = '2', find = '', as = 'map' } = useSearch({ from: '/map' });
  const navigate = useNavigate({ from: '/map' });
  const range = useApiRange();
  const answer = useApi('/api/v1/map', {
    query: { ...range, focus: focus || undefined, hops: focus ? Number(hops) : undefined },
  });
  const set = (changed: Record<string, string | undefined>) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true });
  const names = useMemo(
    () => (answer.data?.nodes ?? []).filter(({ type }) => type === 'service').map(({ name }) => name),
    [answer.data],
  );
  return (
    <Page
      title="Service map"
      right={
        <Group gap="xs">
          <TextInput
            aria-label="Highlight nodes by name"
            placeholder="Highlight"
            value={find}
            data-search
            w={130}
            onChange={(event) => set({ find: event.currentTarget.value || undefined })}
          />
          <TextInput
            aria-label="Focus on a service"
            placeholder="Focus: all services"
            value={focus}
            list="map-names"
            w={180}
            onChange={(event) => set({ focus: event.currentTarget.value || undefined })}
          />
          <datalist id="map-names">
            {names.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          {focus && (
            <NumberInput
              aria-label="Hops from it"
              value={Number(hops)}
              min={1}
              max={10}
              size="xs"
              w={64}
              onChange={(value) => set({ hops: String(value) })}
            />
          )}
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
      }
    >
      <Loaded of={answer} lines={12}>
        {(map) =>
          map.nodes.length === 0 ? (
            focus ? (
              <Empty title={`Nothing calls ${focus}, and it calls nothing, in this time range`} />
            ) : (
              <SendData what="calls between services" />
            )
          ) : (
            <>
              <Text size="xs" className="quiet" role="status">
                {plural(map.nodes.length, 'node')}, {plural(map.edges.length, 'edge')}
              </Text>
              {as === 'table' ? (
                <EdgeTable map={map} find={find} />
              ) : (
                <Box className="panel" style={{ height: 'calc(100vh - 170px)', minHeight: 360 }}>
                  <Drawing map={map} find={find} focus={focus} onFocus={(name) => set({ focus: name })} />
                </Box>
              )}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
