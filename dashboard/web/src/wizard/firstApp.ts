/** The first app of an environment: a Release of the built-in chart, as `gimlet release --chart app` makes it. */

import { newRelease, type Order, quoted } from '~/domain/releaseSpec';

export interface FirstApp {
  app: string;
  image: string;
  port: string;
  target: string;
}

interface Image {
  repository: string;
  tag?: string;
  digest?: string;
}

/** Takes an image apart; none where it has neither a tag nor a digest. */
export function imageOf(text: string): Image | undefined {
  const [named = '', digest] = text.split('@');
  const at = named.indexOf(':', named.lastIndexOf('/') + 1);
  const repository = at < 0 ? named : named.slice(0, at);
  const tag = at < 0 ? undefined : named.slice(at + 1);
  if (!repository || /\s/.test(text) || (!tag && !digest)) return undefined;
  return { repository, ...(tag ? { tag } : {}), ...(digest ? { digest } : {}) };
}

const APP = /^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$/;
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export function faultsOfApp({ app, image, port, target }: FirstApp) {
  const number = Number(port);
  return {
    app: APP.test(app) ? undefined : "Lower-case letters, digits and '-', at most 53 characters.",
    image: imageOf(image) ? undefined : 'Registry and name with a tag or a digest, such as ghcr.io/acme/shop:1.4.2.',
    port: Number.isInteger(number) && number > 0 && number < 65536 ? undefined : 'A number from 1 to 65535.',
    target: LABEL.test(target) ? undefined : "Lower-case letters, digits and '-'.",
  };
}

/** The port that the chart takes unless it is told another. */
export const USUAL_PORT = '8080';

/** Says what is released where. */
export function firstOrder(environment: string, namespace: string, first: FirstApp): Order {
  const { app, image, port, target } = first;
  const manifest = {
    namespace: target,
    chart: { name: 'app' },
    values: { image: imageOf(image), ...(port === USUAL_PORT ? {} : { port: Number(port) }) },
  };
  return { namespace, app, environment, source: { manifest } };
}

/** Makes the Release. */
export const firstRelease = (environment: string, namespace: string, first: FirstApp, requestedBy?: string) =>
  newRelease({ ...firstOrder(environment, namespace, first), requestedBy });

/** Returns the command that makes the same. */
export function releaseCommand(environment: string, namespace: string, { app, image, port, target }: FirstApp) {
  const words = ['gimlet', 'release', app, '-e', environment, '-n', namespace];
  words.push('--chart', 'app', '--target-namespace', target, '--image', image);
  if (port !== USUAL_PORT) words.push('--set', `port=${port}`);
  return words.map(quoted).join(' ');
}

/** Returns the command that makes the namespace that the app runs in. */
export const namespaceCommand = ({ target }: FirstApp, elsewhere: boolean) =>
  `kubectl${elsewhere ? ' --context CONTEXT' : ''} create namespace ${quoted(target)}`;

/** Returns the command that writes a deploy manifest for it into the checkout of the application. */
export function initCommand(environment: string, { app, image, port, target }: FirstApp) {
  const { repository = 'IMAGE' } = imageOf(image) ?? {};
  const words = ['gimlet', 'manifest', 'init', app || 'APP', '-e', environment];
  words.push(
    '--image',
    repository,
    '--port',
    port,
    ...(target && target !== app ? ['--target-namespace', target] : []),
  );
  return words.map(quoted).join(' ');
}
