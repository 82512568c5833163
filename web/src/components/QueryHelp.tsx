import { ActionIcon, Code, Drawer, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconHelp } from '../lib/icons';

export interface Lesson {
  title: string;
  /** What one writes, and what that means. */
  lines: readonly (readonly [text: string, about: string])[];
}

/** The language on one page: a click takes an example. */
export function QueryHelp({
  language,
  lessons,
  take,
  toggled,
}: {
  language: string;
  lessons: readonly Lesson[];
  take: (text: string) => void;
  /** Told when it opens and closes. */
  toggled?: (opened: boolean) => void;
}) {
  const [opened, { open, close }] = useDisclosure(false, {
    onOpen: () => toggled?.(true),
    onClose: () => toggled?.(false),
  });
  return (
    <>
      <ActionIcon variant="default" size={30} aria-label={`Help on ${language}`} onClick={open}>
        <IconHelp size={16} aria-hidden />
      </ActionIcon>
      <Drawer
        opened={opened}
        onClose={close}
        position="right"
        title={`${language} on one page`}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {lessons.map(({ title, lines }) => (
          <section key={title} aria-label={title}>
            <Text component="h3" fw={600} size="sm" mt="sm" mb={4}>
              {title}
            </Text>
            <dl style={{ margin: 0 }}>
              {lines.map(([text, about]) => (
                <div key={text} style={{ marginBottom: 8 }}>
                  <dt>
                    <button
                      type="button"
                      className="bare"
                      onClick={() => {
                        take(text);
                        close();
                      }}
                    >
                      <Code style={{ overflowWrap: 'anywhere' }}>{text}</Code>
                    </button>
                  </dt>
                  <dd style={{ margin: 0, fontSize: 12 }} className="quiet">
                    {about}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </Drawer>
    </>
  );
}
