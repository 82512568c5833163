import { Kbd, Modal, Table } from '@mantine/core';
import { PAGES } from './pages';

const OTHERS = [
  ['Ctrl K', 'Find pages, services and traces'],
  ['/', 'Go to the search field of the page'],
  ['r', 'Read everything again'],
  ['.', 'Pause or go on'],
  ['[ and ]', 'One range back or forward in time'],
  ['d', 'Dense or roomy'],
  ['?', 'This sheet'],
];

/** Every shortcut. */
export function Help({ opened, close }: { opened: boolean; close: () => void }) {
  const rows = [...PAGES.map(({ key, label }) => [`g ${key}`, label]), ...OTHERS];
  return (
    <Modal opened={opened} onClose={close} title="Keyboard" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Table>
        <tbody>
          {rows.map(([keys, text]) => (
            <tr key={keys}>
              <td style={{ width: 110 }}>
                <Kbd>{keys}</Kbd>
              </td>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Modal>
  );
}
