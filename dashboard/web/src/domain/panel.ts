/** The panel of logs, events or resources that is open beside a page, as it stands in the URL: `?panel=logs/team/shop/prod`. */

import type { SearchText } from './search';

const TABS = ['logs', 'events', 'tree'] as const;
export type Tab = (typeof TABS)[number];

/** Reads the name of a tab; what is unknown is none. */
export const tabFrom = (text: string | null | undefined) => TABS.find((tab) => tab === text);

export interface Panel {
  tab: Tab;
  namespace: string;
  app: string;
  environment: string;
}

/** The parameters that only the panel reads; they go when it is closed. */
export const closed: SearchText = {
  panel: undefined,
  pod: undefined,
  container: undefined,
  since: undefined,
  find: undefined,
  previous: undefined,
  wrap: undefined,
  unfold: undefined,
  events: undefined,
  full: undefined,
};

/** Writes a panel for the URL. */
export const panelToText = ({ tab, namespace, app, environment }: Panel) =>
  [tab, namespace, app, environment].map(encodeURIComponent).join('/');

/** Reads a panel from the URL; what makes no sense is no panel. */
export function panelFromText(text: string | undefined): Panel | undefined {
  const [name, namespace, app, environment] = (text ?? '').split('/').map(decode);
  const tab = tabFrom(name);
  if (!tab || !namespace || !app || !environment) return undefined;
  return { tab, namespace, app, environment };
}

/** Returns the search with a panel in place of the one that was open. */
export const withPanel = (search: SearchText, panel: Panel, more: SearchText = {}): SearchText => ({
  ...search,
  ...closed,
  ...more,
  panel: panelToText(panel),
});

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
