import { Alert, Text, UnstyledButton } from '@mantine/core';
import { formatTime } from '../../lib/time';
import { useShell } from '../../shell/state';
import type { Service } from './ServicePage';
import { useComparison, VERDICTS } from './useComparison';

const TOLD = 3;

/** In a sentence or two, what the last deploy in the range did. */
export function LastDeploy({ of, onOpen }: { of: Service; onOpen: () => void }) {
  const { utc } = useShell();
  const { deploy, answer } = useComparison(of);
  if (!deploy || !answer.data) return null;
  const { verdict, reasons } = answer.data;
  const { color, text } = VERDICTS[verdict];
  return (
    <Alert variant="light" color={color} p="xs" role="status">
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {deploy.rollback ? 'Rolled back' : 'Deployed'} <b>{deploy.to_version.slice(0, 60)}</b> at{' '}
        {formatTime(deploy.time * 1000, utc)}: <b>{text}</b> – {reasons.slice(0, TOLD).join('; ').slice(0, 400)}
        {reasons.length > TOLD && ` and ${reasons.length - TOLD} more`}.{' '}
        <UnstyledButton fz="sm" className="link" td="underline" onClick={onOpen}>
          Before and after
        </UnstyledButton>
      </Text>
    </Alert>
  );
}
