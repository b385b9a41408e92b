import { useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { createSpotlight, Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import { IconFileText, IconRocket, IconSearch, IconServer, IconStack2, IconSunMoon } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ReleaseSet } from '~/api/kinds';
import type { EnvironmentCard, Row } from '~/api/server';
import { actToText } from '~/domain/act';
import { withPanel } from '~/domain/panel';
import { useOverview } from '~/live/scopes';
import { useValues } from '~/live/useFeed';
import { WordIcon } from '~/parts/WordMark';
import { pages } from './Shell';
import { useSets } from './useSets';

/** The list of apps alone: where `g a` goes is chosen, for there is no page of all apps but the overview. */
const [appPick, appList] = createSpotlight();
export const pickApp = appList.open;

/** Goes anywhere and does anything, by typing its name. */
export function Palette() {
  const { ns } = useSearch({ strict: false });
  const feed = useOverview(ns);
  const rows = useValues<Row>(feed, 'row:');
  const environments = useValues<EnvironmentCard>(feed, 'env:');
  const navigate = useNavigate();
  const { toggleColorScheme } = useMantineColorScheme();
  // What nobody looks at is not built at each update; it stays until the list has faded out.
  const [opened, { open, close }] = useDisclosure(false);
  const [picking, { open: pick, close: picked }] = useDisclosure(false);
  const sets = useSets(ns ? [ns] : environments.map(({ namespace }) => namespace), opened);

  const going: SpotlightActionData[] = pages.map(({ to, label, key, Icon }) => ({
    id: to,
    label: `Go to ${label}`,
    description: key,
    leftSection: <Icon size={18} />,
    onClick: () => void navigate({ to, search: { ns } }),
  }));
  const pagesOf = ({ namespace, app, cells }: Row): SpotlightActionData[] =>
    Object.entries(cells).map(([environment, cell]) => ({
      id: `app ${namespace}/${app}/${environment}`,
      label: `${app} in ${environment}`,
      description: [cell.version, cell.text].filter(Boolean).join(' · '),
      leftSection: <WordIcon word={cell.word} size={18} quiet />,
      onClick: () =>
        void navigate({
          to: '/apps/$namespace/$app/$environment',
          params: { namespace, app, environment },
          search: { ns },
        }),
    }));
  const actsOn = ({ namespace, app, cells }: Row): SpotlightActionData[] => [
    ...Object.keys(cells).map((environment) => ({
      id: `logs ${namespace}/${app}/${environment}`,
      label: `Logs of ${app} in ${environment}`,
      leftSection: <IconFileText size={18} />,
      onClick: () =>
        void navigate({
          to: '.',
          search: (old) => withPanel(old, { tab: 'logs', namespace, app, environment }),
        }),
    })),
    {
      id: `release ${namespace}/${app}`,
      label: `Release ${app}…`,
      leftSection: <IconRocket size={18} />,
      onClick: () =>
        void navigate({
          to: '.',
          search: (old) => ({ ...old, act: actToText({ kind: 'release', namespace, app, environments: [] }) }),
        }),
    },
  ];
  const placeOf = ({ namespace, name }: EnvironmentCard): SpotlightActionData => ({
    id: `env ${namespace}/${name}`,
    label: `Environment ${name}`,
    description: namespace,
    leftSection: <IconServer size={18} />,
    onClick: () => void navigate({ to: '/environments/$namespace/$name', params: { namespace, name }, search: { ns } }),
  });
  const togetherOf = ({ metadata: { namespace, name }, spec, status }: ReleaseSet): SpotlightActionData => ({
    id: `set ${namespace}/${name}`,
    label: `Set ${name}`,
    description: [status?.releases?.map(({ app }) => app).join(', ') ?? spec.apps?.join(', '), spec.reason]
      .filter(Boolean)
      .join(' · '),
    leftSection: <IconStack2 size={18} />,
    onClick: () => void navigate({ to: '/sets/$namespace/$name', params: { namespace, name }, search: { ns } }),
  });
  const other: SpotlightActionData[] = [
    {
      id: 'scheme',
      label: 'Switch between light and dark',
      leftSection: <IconSunMoon size={18} />,
      onClick: () => toggleColorScheme(),
    },
  ];
  const all = () => [
    ...going,
    ...environments.map(placeOf),
    ...rows.flatMap((row) => [...pagesOf(row), ...actsOn(row)]),
    ...sets.map(togetherOf),
    ...other,
  ];
  const shared = { scrollable: true, maxHeight: 420, highlightQuery: true };
  return (
    <>
      <Spotlight
        {...shared}
        actions={opened ? all() : []}
        onSpotlightOpen={open}
        onExitTransitionEnd={close}
        shortcut="mod + K"
        limit={12}
        nothingFound="Nothing has this name."
        attributes={{ content: { 'aria-label': 'Search and act' } }}
        searchProps={{
          leftSection: <IconSearch size={18} />,
          placeholder: 'An app, an environment, an action…',
          'aria-label': 'Search and act',
        }}
      />
      <Spotlight
        {...shared}
        store={appPick}
        actions={picking ? rows.flatMap(pagesOf) : []}
        onSpotlightOpen={pick}
        onExitTransitionEnd={picked}
        shortcut={null}
        limit={50}
        nothingFound="No app has this name."
        attributes={{ content: { 'aria-label': 'Go to an app' } }}
        searchProps={{
          leftSection: <IconSearch size={18} />,
          placeholder: 'The name of an app…',
          'aria-label': 'Go to an app',
        }}
      />
    </>
  );
}
