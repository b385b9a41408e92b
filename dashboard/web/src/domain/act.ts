/** The action that a page is asked to open, as it stands in the URL: `?act=release/team/shop/staging`. */

export type Act =
  | { kind: 'release'; namespace: string; app: string; environments: string[]; artifact?: string }
  | { kind: 'promote'; namespace: string; app: string; environments: string[]; from: string }
  | { kind: 'rollback'; namespace: string; app: string; environment: string; to?: string }
  | { kind: 'adopt'; namespace: string; app: string; environment: string; commit: string };

const join = (...parts: string[]) => parts.map(encodeURIComponent).join('/');

/** Writes an action for the URL. */
export function actToText(act: Act): string {
  switch (act.kind) {
    case 'release':
      return join(
        'release',
        act.namespace,
        act.app,
        act.environments.join('~'),
        ...(act.artifact ? [act.artifact] : []),
      );
    case 'promote':
      return join('promote', act.namespace, act.app, act.environments.join('~'), act.from);
    case 'adopt':
      return join('adopt', act.namespace, act.app, act.environment, act.commit);
    case 'rollback':
      return join('rollback', act.namespace, act.app, act.environment, ...(act.to ? [act.to] : []));
  }
}

/** Reads an action from the URL; what makes no sense is no action. */
export function actFromText(text: string | undefined): Act | undefined {
  const [kind, namespace, app, environments, extra] = (text ?? '').split('/').map(decode);
  if (!namespace || !app) return undefined;
  const list = (environments ?? '').split('~').filter(Boolean);
  const [first] = list;
  if (kind === 'release') return { kind, namespace, app, environments: list, artifact: extra || undefined };
  if (kind === 'promote' && extra) return { kind, namespace, app, environments: list, from: extra };
  if (kind === 'adopt' && first && extra) return { kind, namespace, app, environment: first, commit: extra };
  if (kind === 'rollback' && first) return { kind, namespace, app, environment: first, to: extra || undefined };
  return undefined;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
