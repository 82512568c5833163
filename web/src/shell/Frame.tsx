import {
  ActionIcon,
  AppShell,
  Badge,
  Burger,
  Button,
  Group,
  Menu,
  NavLink,
  ScrollArea,
  Text,
  Tooltip,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { spotlight } from '@mantine/spotlight';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useApi } from '../api/client';
import { IconHelp, IconKey, IconSearch, IconSettings } from '../lib/icons';
import { Help } from './Help';
import { LiveBadge } from './LiveBadge';
import { Login } from './Login';
import { Palette } from './Palette';
import { PAGES } from './pages';
import { useShell } from './state';
import { TimeRange } from './TimeRange';
import { useShortcuts } from './useShortcuts';

/** Navigation, time range, palette: what stands around every page. */
export function Frame() {
  const { dense, tenant } = useShell();
  const [nav, { toggle, close }] = useDisclosure(false);
  const [help, helping] = useDisclosure(false);
  const [login, logging] = useDisclosure(false);
  useShortcuts(helping.open);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const status = useApi('/api/v1/status', {}, { every: 15_000 });
  const refused = status.error?.status === 401;
  useEffect(() => {
    if (refused) logging.open();
  }, [refused, logging.open]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the menu of a phone
  useEffect(close, [path]);
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 190, breakpoint: 'sm', collapsed: { mobile: !nav } }}
      padding={{ base: 'xs', sm: 'md' }}
      className={dense ? 'dense' : undefined}
    >
      <a className="skip" href="#main">
        To the content
      </a>
      <AppShell.Header px="sm">
        <Group h="100%" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="xs" wrap="nowrap">
            <Burger
              opened={nav}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={nav ? 'Close the menu' : 'Open the menu'}
            />
            <Link to="/" className="plain" aria-label="Traceo, overview">
              <Group gap={8} wrap="nowrap">
                <img src="/favicon.svg" alt="" width={22} height={22} />
                <Text fw={700} visibleFrom="xs">
                  Traceo
                </Text>
              </Group>
            </Link>
            <Connection failing={status.error?.status === 0} />
          </Group>
          <Group gap={4} wrap="nowrap">
            <Button
              variant="default"
              visibleFrom="md"
              leftSection={<IconSearch size={15} aria-hidden />}
              onClick={spotlight.open}
              w={190}
              justify="flex-start"
            >
              <span style={{ flex: 1, textAlign: 'left' }}>Find… (Ctrl K)</span>
            </Button>
            <ActionIcon variant="default" size={30} hiddenFrom="md" onClick={spotlight.open} aria-label="Find">
              <IconSearch size={15} aria-hidden />
            </ActionIcon>
            <LiveBadge />
            <TimeRange />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p={6} component="nav" aria-label="Pages">
        <ScrollArea style={{ flex: 1 }}>
          {PAGES.map(({ to, label, icon: Icon }) => (
            <NavLink
              key={to}
              component={Link}
              {...{ to }}
              label={label}
              leftSection={<Icon size={17} aria-hidden />}
              active={to === '/' ? path === '/' : path.startsWith(to)}
              aria-current={(to === '/' ? path === '/' : path.startsWith(to)) ? 'page' : undefined}
              py={dense ? 4 : 7}
              style={{ borderRadius: 'var(--mantine-radius-sm)' }}
            />
          ))}
        </ScrollArea>
        <Group justify="space-between" gap={4} wrap="nowrap">
          <Tooltip label={`Tenant ${status.data?.tenant ?? tenant}: change it, or log in`}>
            <Button
              variant="subtle"
              color="gray"
              leftSection={<IconKey size={15} aria-hidden />}
              onClick={logging.open}
              px={6}
              style={{ minWidth: 0 }}
            >
              <span className="cut">{status.data?.tenant ?? (tenant || 'Log in')}</span>
            </Button>
          </Tooltip>
          <Group gap={0} wrap="nowrap">
            <Looks />
            <ActionIcon variant="subtle" color="gray" onClick={helping.open} aria-label="Keyboard shortcuts">
              <IconHelp size={16} aria-hidden />
            </ActionIcon>
          </Group>
        </Group>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <Outlet />
      </AppShell.Main>
      <Palette />
      <Help opened={help} close={helping.close} />
      <Login opened={login} close={logging.close} refused={refused} />
    </AppShell>
  );
}

/** Light, dark or the system's; dense or roomy. */
function Looks() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { dense, setDense } = useShell();
  const schemes = { light: 'Light', dark: 'Dark', auto: 'Like the system' } as const;
  return (
    <Menu position="top-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label="Appearance">
          <IconSettings size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries(schemes).map(([scheme, label]) => (
          <Menu.Item
            key={scheme}
            onClick={() => setColorScheme(scheme as keyof typeof schemes)}
            rightSection={colorScheme === scheme ? '✓' : ''}
          >
            {label}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => setDense(!dense)} rightSection={dense ? '✓' : ''}>
          Dense
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Says when the server has not answered, since when, and when it does again. */
function Connection({ failing }: { failing: boolean }) {
  const [since, setSince] = useState<number | null>(null);
  useEffect(() => setSince((before) => (failing ? (before ?? Date.now()) : null)), [failing]);
  return (
    <div role="status">
      {since !== null && (
        <Badge color="red" variant="filled" radius="sm">
          No connection since {new Date(since).toLocaleTimeString()}
        </Badge>
      )}
    </div>
  );
}
