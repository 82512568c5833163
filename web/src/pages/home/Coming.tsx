import { SimpleGrid, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Panel } from '../../components/Panel';

/** What a later version will show here, and what there is until then. */
export function Coming() {
  return (
    <SimpleGrid cols={{ base: 1, md: 3 }} spacing="sm">
      <Panel title="Alerts">
        <Text size="sm" className="quiet" p="sm">
          This version has no alert rules. Alerts that fire will stand here. Until then any tool that asks Prometheus
          can ask Traceo, at /prometheus.
        </Text>
      </Panel>
      <Panel title="Incidents">
        <Text size="sm" className="quiet" p="sm">
          This version has no incidents. Alerts, deploys and errors that belong together will be one, with a timeline.
          Until then: what is worse than yesterday, and the deploys above.
        </Text>
      </Panel>
      <Panel title="Costs">
        <Text size="sm" className="quiet" p="sm">
          This version knows no prices. What each team's telemetry costs will stand here. Until then{' '}
          <Link to="/usage" className="link in-text">
            Ingest and usage
          </Link>{' '}
          says how much arrives, and from whom.
        </Text>
      </Panel>
    </SimpleGrid>
  );
}
