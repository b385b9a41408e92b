import { Modal } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import { onSignedOut, Problem } from '~/api/http';
import { useMe } from '~/api/rights';
import { forgetFeeds } from '~/live/useFeed';
import { Failure, Loading } from '~/parts/states';
import { SignIn } from './SignIn';

/** Shows the app to who is signed in. A session that ends asks again over the page, which keeps its drafts. */
export function SessionGate({ children }: { children: React.ReactNode }) {
  const me = useMe();
  const queries = useQueryClient();
  const [wasIn, setWasIn] = useState<string>();
  const [ended, setEnded] = useState(false);
  const user = me.data?.user;
  useEffect(() => onSignedOut(() => setEnded(true)), []);
  useEffect(() => {
    if (user) setWasIn(user);
  }, [user]);

  const entered = async () => {
    const { data, error } = await me.refetch();
    if (error) return;
    setEnded(false);
    if (wasIn && data?.user !== wasIn) {
      forgetFeeds();
      queries.clear();
      location.reload();
      return;
    }
    await queries.invalidateQueries();
  };

  const back = useEffectEvent(() => void entered());
  // Whoever signs in at the provider does so in another tab, and comes back.
  useEffect(() => {
    if (!ended) return;
    const look = () => document.visibilityState === 'visible' && back();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [ended]);

  if (!wasIn && !user) {
    if (me.isPending) return <Loading />;
    if (me.error instanceof Problem && me.error.status === 401) return <SignIn onEntered={entered} page />;
    if (me.error) return <Failure error={me.error} again={() => void me.refetch()} />;
  }
  return (
    <>
      {children}
      <Modal opened={ended} onClose={() => setEnded(false)} title="Your session has ended" centered>
        <SignIn onEntered={entered} />
      </Modal>
    </>
  );
}
