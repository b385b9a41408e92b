import { Drawer } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { App } from '~/api/kinds';
import type { Right } from '~/api/server';
import { Guarded } from '~/parts/Guarded';
import { useKeys } from '~/parts/keys';
import { Manifests } from '~/parts/Manifests';

/** The view of the app has asked the API server already: who sees the page may see its files. */
const everybody: Right = { allowed: true, text: '' };

/** Shows the files of what is released now; that they are open is in the URL. */
export function AppManifests({ app }: { app: App }) {
  const { namespace } = app.metadata;
  const { app: name, environment } = app.spec;
  const current = app.status?.current;
  const { show } = useSearch({ strict: false });
  const navigate = useNavigate();
  const set = (show: string | undefined) =>
    void navigate({ to: '.', replace: true, resetScroll: false, search: (old) => ({ ...old, show }) });
  const open = () => set('manifests');
  useKeys(current ? [{ key: 'm', label: 'manifests', run: open }] : []);
  return (
    <>
      <Guarded right={everybody} variant="default" onClick={open} unless={!current && 'Nothing is released here yet.'}>
        Manifests
      </Guarded>
      <Drawer
        opened={show === 'manifests' && current !== undefined}
        onClose={() => set(undefined)}
        position="right"
        size={860}
        title={`${name} in ${environment}: ${current?.version ?? current?.commit.slice(0, 7)}`}
      >
        {current && <Manifests namespace={namespace} environment={environment} app={name} commit={current.commit} />}
      </Drawer>
    </>
  );
}
