import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { actToText } from '~/domain/act';
import { ArtifactApps } from './ArtifactApps';

/** Opens the dialog of releases for an artifact; which of its apps is meant is asked by what is returned beside. */
export function useReleaseArtifact(namespace: string): [ask: (artifact: string) => void, question: ReactNode] {
  const navigate = useNavigate();
  const [asked, ask] = useState<string>();
  const choose = (artifact: string, app: string) => {
    ask(undefined);
    void navigate({
      to: '.',
      search: (old) => ({ ...old, act: actToText({ kind: 'release', namespace, app, environments: [], artifact }) }),
    });
  };
  const question = asked && (
    <ArtifactApps
      namespace={namespace}
      name={asked}
      onChoose={(app) => choose(asked, app)}
      onClose={() => ask(undefined)}
    />
  );
  return [ask, question];
}
