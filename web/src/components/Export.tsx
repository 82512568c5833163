import { Menu, Text, UnstyledButton } from '@mantine/core';
import { type ReactNode, useRef } from 'react';
import { download, fileName, readTable, type Sheet, toCsv, toJson } from '../lib/files';

interface Props {
  /** What it is: names the button and the file. */
  name: string;
  sheet: () => Sheet;
  picture?: () => Promise<Blob | null>;
}

/** What is shown as a file. */
export function Export({ name, sheet, picture }: Props) {
  const save = (ending: string, type: string, content: string) =>
    download(`${fileName(name)}.${ending}`, new Blob([content], { type }));
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <UnstyledButton aria-label={`Export ${name}`}>
          <Text size="xs" className="quiet" td="underline">
            export
          </Text>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => save('csv', 'text/csv;charset=utf-8', toCsv(sheet()))}>CSV</Menu.Item>
        <Menu.Item onClick={() => save('json', 'application/json', toJson(sheet()))}>JSON</Menu.Item>
        {picture && (
          <Menu.Item onClick={() => void picture().then((found) => found && download(`${fileName(name)}.png`, found))}>
            PNG
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

/** A table that has all its rows in the document, with what exports it below. */
export function Exported({ name, children }: { name: string; children: ReactNode }) {
  const around = useRef<HTMLDivElement>(null);
  const sheet = () => {
    const table = around.current?.querySelector('table');
    return table ? readTable(table) : { columns: [], rows: [] };
  };
  return (
    <div ref={around} style={{ minWidth: 0 }}>
      {children}
      <div style={{ display: 'flex', justifyContent: 'flex-end', padding: '2px 10px 4px' }}>
        <Export name={name} sheet={sheet} />
      </div>
    </div>
  );
}
