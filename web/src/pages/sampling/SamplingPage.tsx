import { Tabs } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Page } from '../../components/Page';
import { Budgets } from './Budgets';
import { Ledger } from './Ledger';
import { Policies } from './Policies';
import { Rewind } from './Rewind';

/** What is kept, why, what it costs, and what would be if the policies were others. */
export default function SamplingPage() {
  const { tab = 'ledger' } = useSearch({ from: '/sampling' });
  const navigate = useNavigate({ from: '/sampling' });
  return (
    <Page title="Sampling">
      <Tabs
        value={tab}
        onChange={(next) => void navigate({ search: (before) => ({ ...before, tab: next ?? undefined }) })}
        keepMounted={false}
      >
        <Tabs.List>
          <Tabs.Tab value="ledger">Ledger</Tabs.Tab>
          <Tabs.Tab value="policies">Policies and what-if</Tabs.Tab>
          <Tabs.Tab value="budgets">Budgets</Tabs.Tab>
          <Tabs.Tab value="rewind">Rewind</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="ledger" pt="sm">
          <Ledger />
        </Tabs.Panel>
        <Tabs.Panel value="policies" pt="sm">
          <Policies />
        </Tabs.Panel>
        <Tabs.Panel value="budgets" pt="sm">
          <Budgets />
        </Tabs.Panel>
        <Tabs.Panel value="rewind" pt="sm">
          <Rewind />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
