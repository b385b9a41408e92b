// What people do in the journeys on a real control plane; `expected` are messages of the browser that belong to it.

import { commits } from './deeds/commits.mjs';
import { configure } from './deeds/configure.mjs';
import { environments } from './deeds/environments.mjs';
import { logs } from './deeds/logs.mjs';
import { pages } from './deeds/pages.mjs';
import { releases } from './deeds/releases.mjs';

export const deeds = { ...pages, ...releases, ...configure, ...environments, ...logs, ...commits };
