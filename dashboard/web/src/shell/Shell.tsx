import { ActionIcon, AppShell, Badge, Burger, Group, NavLink, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { spotlight } from '@mantine/spotlight';
import { IconGitCommit, IconHistory, IconLayoutGrid, IconSearch, IconServer, IconSettings } from '@tabler/icons-react';
import { Link, Outlet, useNavigate, useRouterState, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useEffect } from 'react';
import { toRelease, useConfig, useRight } from '~/api/rights';
import { actFromText } from '~/domain/act';
import { panelFromText } from '~/domain/panel';
import { togetherFromText } from '~/domain/together';
import { Boundary } from '~/parts/Boundary';
import { useKeys } from '~/parts/keys';
import { KeyBar } from './KeyBar';
import { KeyHelp } from './KeyHelp';
import { LiveMark } from './LiveMark';
import { Logo } from './Logo';
import { NamespacePick, useNamespace } from './NamespacePick';
import { Palette, pickApp } from './Palette';
import { Person } from './Person';
import './shell.css';

const ReleaseDialog = lazy(() => import('~/release/ReleaseDialog').then((each) => ({ default: each.ReleaseDialog })));
const TogetherDialog = lazy(() =>
  import('~/release/TogetherDialog').then((each) => ({ default: each.TogetherDialog })),
);

const LogsPanel = lazy(() => import('~/logs/LogsPanel').then((each) => ({ default: each.LogsPanel })));

export const pages = [
  { to: '/', label: 'Overview', key: 'g o', Icon: IconLayoutGrid },
  { to: '/commits', label: 'Commits', key: 'g c', Icon: IconGitCommit },
  { to: '/environments', label: 'Environments', key: 'g e', Icon: IconServer },
  { to: '/audit', label: 'Audit log', key: 'g l', Icon: IconHistory },
  { to: '/settings', label: 'Settings', key: 'g s', Icon: IconSettings },
] as const;

/** What stands around every page. */
export function Shell() {
  const [open, menu] = useDisclosure(false);
  const [help, helpDialog] = useDisclosure(false);
  const navigate = useNavigate();
  const { pathname } = useRouterState({ select: ({ location }) => location });
  const search = useSearch({ strict: false });
  const act = actFromText(search.act);
  const together = togetherFromText(search.act);
  const panel = panelFromText(search.panel);

  useKeys([
    ...pages.map(({ to, label, key }) => ({ key, label, run: () => void navigate({ to, search: { ns: search.ns } }) })),
    { key: 'g a', label: 'an app', run: pickApp },
    { key: '?', label: 'keys', run: helpDialog.open },
  ]);
  useEffect(() => {
    const page = pages.findLast(({ to }) => (to === '/' ? pathname === '/' : pathname.startsWith(to)));
    const [, , ...names] = pathname.split('/').map(decodeURIComponent);
    document.title = [names.slice(1).join(' '), page?.label ?? 'Gimlet', 'Gimlet'].filter(Boolean).join(' · ');
  }, [pathname]);

  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 190, breakpoint: 'sm', collapsed: { mobile: !open } }}
      footer={{ height: { base: 0, sm: 30 } }}
      padding={{ base: 'sm', sm: 'md' }}
    >
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="md" wrap="nowrap">
            <Burger opened={open} onClick={menu.toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <Link to="/" search={{ ns: search.ns }} className="brand" aria-label="Gimlet, to the overview">
              <Logo /> <span className="from-700">Gimlet</span>
            </Link>
            <NamespacePick />
          </Group>
          <Group gap="sm" wrap="nowrap">
            <ViewOnly />
            <LiveMark />
            <Tooltip label="Search and act (Ctrl K)">
              <ActionIcon variant="default" size="md" onClick={spotlight.open} aria-label="Search and act">
                <IconSearch size={16} />
              </ActionIcon>
            </Tooltip>
            <Person />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {pages.map(({ to, label, Icon }) => (
          <NavLink
            key={to}
            className="nav-link"
            label={label}
            leftSection={<Icon size={17} />}
            active={to === '/' ? pathname === '/' || pathname.startsWith('/apps') : pathname.startsWith(to)}
            renderRoot={(props) => <Link to={to} search={{ ns: search.ns }} onClick={menu.close} {...props} />}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main id="main" className="main-page">
        <Outlet />
      </AppShell.Main>
      <AppShell.Footer visibleFrom="sm" aria-label="Keys of this page">
        <KeyBar />
      </AppShell.Footer>
      <Palette />
      <KeyHelp opened={help} onClose={helpDialog.close} />
      {panel && (
        <Boundary what="The log" floats>
          <Suspense>
            <LogsPanel panel={panel} full={search.full === 'true'} />
          </Suspense>
        </Boundary>
      )}
      {act && (
        <Boundary what="The dialog" floats>
          <Suspense>
            <ReleaseDialog act={act} />
          </Suspense>
        </Boundary>
      )}
      {together && (
        <Boundary what="The dialog" floats>
          <Suspense>
            <TogetherDialog together={together} />
          </Suspense>
        </Boundary>
      )}
    </AppShell>
  );
}

/** Says at the top that nothing can be changed, before somebody tries. */
function ViewOnly() {
  const config = useConfig();
  const namespace = useNamespace();
  const right = useRight(toRelease(namespace ?? 'default'));
  if (config.data?.readOnly) {
    return (
      <Tooltip label="This dashboard only shows: it was started with --read-only.">
        <Badge variant="default" tabIndex={0}>
          view only
        </Badge>
      </Tooltip>
    );
  }
  if (!namespace || right.allowed || right.text.startsWith('It is not known')) return null;
  return (
    <Tooltip label={right.text} multiline maw={340}>
      <Badge variant="default" tabIndex={0}>
        view only
      </Badge>
    </Tooltip>
  );
}
