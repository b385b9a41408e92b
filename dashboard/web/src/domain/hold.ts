/** Setting and lifting the hold of an app, for the page and for a terminal. Pure. */

import type { App } from '~/api/kinds';
import { quoted } from './releaseSpec';

/** The merge patch of an App; without a reason it lifts the hold. */
export const holdPatch = (reason?: string) => ({ spec: { hold: reason === undefined ? null : { reason } } });

/** Returns the command that does the same. */
export const kubectlHold = ({ metadata: { namespace, name } }: App, patch: ReturnType<typeof holdPatch>) =>
  `kubectl patch apps.gimlet.io ${quoted(name)} -n ${quoted(namespace)} --type=merge -p ${quoted(JSON.stringify(patch))}`;
