import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Answer } from '../api/client';
import { formatCount } from '../lib/units';
import { ListRow, Rows } from './Rows';

type ErrorGroup = Answer<'/api/v1/errors'>['errors'][number];

/** Error groups in a line each, with the trace of an example; of several services, with their names. */
export function NewErrorRows({ of, withServices = false }: { of: readonly ErrorGroup[]; withServices?: boolean }) {
  return (
    <Rows>
      {of.map((error) => (
        <ListRow key={error.id} justify="space-between">
          <Text size="sm" className="cut" style={{ minWidth: 0 }} title={error.example_message}>
            {error.example_traces[0] ? (
              <Link className="link in-text" to="/traces/$traceId" params={{ traceId: error.example_traces[0] }}>
                {error.type || error.operation}
              </Link>
            ) : (
              error.type || error.operation
            )}{' '}
            <span className="quiet">
              {withServices && `${servicesOf(error)} `}
              {error.example_message}
            </span>
          </Text>
          <Text size="sm" className="number" fw={600}>
            {formatCount(error.count)}
          </Text>
        </ListRow>
      ))}
    </Rows>
  );
}

const servicesOf = (error: ErrorGroup) =>
  [...new Set(error.versions.map(({ service }) => service))].slice(0, 2).join(', ');
