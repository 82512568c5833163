import { Button, Group, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { Figure } from '../../components/Red';
import { formatMs, formatRate, formatShare } from '../../lib/units';
import { EditOwner } from './EditOwner';
import type { Service } from './ServicePage';

/** Figures, facts and owner of a service. */
export function Head({ of, onChanged }: { of: Service; onChanged: () => void }) {
  const [editing, edit] = useDisclosure(false);
  const { owner } = of;
  return (
    <Group className="panel figures" p="sm" align="flex-start">
      <Figure
        name="Health"
        value={of.health}
        tone={of.health === 'failing' ? 'var(--bad)' : of.health === 'degraded' ? 'var(--warn)' : undefined}
      />
      <Figure name="Rate" value={formatRate(of.rate_per_s)} />
      <Figure name="Errors" value={formatShare(of.error_ratio)} />
      <Figure name="p50" value={formatMs(of.p50_ms)} />
      <Figure name="p95" value={formatMs(of.p95_ms)} />
      <Figure name="p99" value={formatMs(of.p99_ms)} />
      {owner?.apdex_ms != null && (
        <Figure name={`Apdex, ${formatMs(owner.apdex_ms)}`} value={of.apdex === null ? '–' : of.apdex.toFixed(2)} />
      )}
      <Facts
        facts={[
          ['Version', of.versions.join(', ')],
          ['Language', of.languages.join(', ')],
          ['Environment', of.environments.join(', ')],
          ['Namespace', of.namespaces.join(', ')],
        ]}
      />
      <Facts
        facts={[
          ['Team', owner?.team],
          ['On call', owner?.on_call],
          ['Tier', owner?.tier],
          ['Runbook', owner?.runbook && <Outside url={owner.runbook} />],
          ['Repository', owner?.repository && <Outside url={owner.repository} />],
        ]}
      />
      <Button variant="default" onClick={edit.open} ml="auto">
        {owner ? 'Edit owner' : 'Say who owns it'}
      </Button>
      {editing && <EditOwner of={of} close={edit.close} onChanged={onChanged} />}
    </Group>
  );
}

function Facts({ facts }: { facts: [string, ReactNode][] }) {
  const known = facts.filter(([, value]) => value);
  if (known.length === 0) return null;
  return (
    <dl style={{ margin: 0, display: 'grid', gridTemplateColumns: 'auto 1fr', columnGap: 10 }}>
      {known.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <Text component="dt" size="xs" className="quiet">
            {name}
          </Text>
          <Text component="dd" size="xs" m={0} className="cut" maw={260}>
            {value}
          </Text>
        </div>
      ))}
    </dl>
  );
}

/** Only addresses of the web: the API takes no others, a file might be older than that. */
function Outside({ url }: { url: string }) {
  if (!/^https?:\/\//.test(url)) return <>{url}</>;
  return (
    <a className="link" href={url} rel="noreferrer noopener" target="_blank">
      {url.replace(/^https?:\/\//, '')}
    </a>
  );
}
