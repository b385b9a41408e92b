/** The panel of logs or events that is open beside a page, as it stands in the URL: `?panel=logs/team/shop/prod`. */

import type { SearchText } from './search';

export interface Panel {
  tab: 'logs' | 'events';
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
  const [tab, namespace, app, environment] = (text ?? '').split('/').map(decode);
  if ((tab !== 'logs' && tab !== 'events') || !namespace || !app || !environment) return undefined;
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
