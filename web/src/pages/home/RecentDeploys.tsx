import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Empty } from '../../components/Empty';
import { Loaded } from '../../components/Loaded';
import { Panel } from '../../components/Panel';
import { ListRow, Rows } from '../../components/Rows';
import { formatTime } from '../../lib/time';
import { useShell } from '../../shell/state';
import type { useDeploys } from './useDeploys';

const SHOWN = 8;

/** The newest deploys; each opens what it changed. */
export function RecentDeploys({ of }: { of: ReturnType<typeof useDeploys>['answer'] }) {
  const { utc } = useShell();
  return (
    <Panel title="Deploys">
      <Loaded of={of}>
        {({ deploys }) =>
          deploys.length === 0 ? (
            <Empty title="None in this time range">
              They are seen by the resource attribute service.version of the services.
            </Empty>
          ) : (
            <Rows>
              {deploys
                .slice(-SHOWN)
                .reverse()
                .map(({ service, environment, time, from_version, to_version, rollback }) => (
                  <ListRow key={`${service} ${environment} ${time}`} justify="space-between">
                    <Text size="sm" className="cut">
                      <Link
                        to="/services/$service"
                        params={{ service }}
                        search={{ tab: 'deploys' }}
                        className="link in-text"
                      >
                        {service}
                      </Link>{' '}
                      {rollback && <b style={{ color: 'var(--warn)' }}>rolled back </b>}
                      {from_version || '(none)'} → {to_version || '(none)'}
                    </Text>
                    <Text size="xs" className="quiet number">
                      {formatTime(time * 1000, utc).slice(5, 16)}
                    </Text>
                  </ListRow>
                ))}
            </Rows>
          )
        }
      </Loaded>
    </Panel>
  );
}
