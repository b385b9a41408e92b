import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { parseSearch, type SearchText, stringifySearch } from './domain/search';
import { OverviewPage } from './overview/OverviewPage';
import { Broken } from './parts/Boundary';
import { NotFound } from './shell/NotFound';
import { Shell } from './shell/Shell';

const textSearch = (search: Record<string, unknown>): SearchText =>
  Object.fromEntries(
    Object.entries(search).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, validateSearch: textSearch });
const overview = createRoute({ getParentRoute: () => root, path: '/', component: OverviewPage });
const app = createRoute({
  getParentRoute: () => root,
  path: '/apps/$namespace/$app/$environment',
  component: lazyRouteComponent(() => import('./app/AppPage'), 'AppPage'),
});
const configure = createRoute({
  getParentRoute: () => root,
  path: '/apps/$namespace/$app/$environment/configure',
  component: lazyRouteComponent(() => import('./configure/ConfigurePage'), 'ConfigurePage'),
});
const release = createRoute({
  getParentRoute: () => root,
  path: '/releases/$namespace/$name',
  component: lazyRouteComponent(() => import('./release/ReleasePage'), 'ReleasePage'),
});
const set = createRoute({
  getParentRoute: () => root,
  path: '/sets/$namespace/$name',
  component: lazyRouteComponent(() => import('./sets/SetPage'), 'SetPage'),
});
const environments = createRoute({
  getParentRoute: () => root,
  path: '/environments',
  component: lazyRouteComponent(() => import('./environments/EnvironmentsPage'), 'EnvironmentsPage'),
});
const wizard = createRoute({
  getParentRoute: () => root,
  path: '/environments/new',
  component: lazyRouteComponent(() => import('./wizard/WizardPage'), 'WizardPage'),
});
const environment = createRoute({
  getParentRoute: () => root,
  path: '/environments/$namespace/$name',
  component: lazyRouteComponent(() => import('./environments/EnvironmentPage'), 'EnvironmentPage'),
});
const commits = createRoute({
  getParentRoute: () => root,
  path: '/commits',
  component: lazyRouteComponent(() => import('./commits/RepositoriesPage'), 'RepositoriesPage'),
});
const repository = createRoute({
  getParentRoute: () => root,
  path: '/commits/$namespace/$repository',
  component: lazyRouteComponent(() => import('./commits/CommitsPage'), 'CommitsPage'),
});
const audit = createRoute({
  getParentRoute: () => root,
  path: '/audit',
  component: lazyRouteComponent(() => import('./audit/AuditPage'), 'AuditPage'),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: lazyRouteComponent(() => import('./settings/SettingsPage'), 'SettingsPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    app,
    configure,
    release,
    set,
    environments,
    wizard,
    environment,
    commits,
    repository,
    audit,
    settings,
  ]),
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultErrorComponent: ({ error }) => <Broken what="The page" error={error} />,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
