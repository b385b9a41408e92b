import { Button, Tooltip } from '@mantine/core';
import { relative } from '~/domain/time';
import { useConnection } from '~/live/useFeed';
import { useNow } from '~/parts/Age';

const says = { open: 'live', connecting: 'connecting', lost: 'not live' };

/** Says whether changes come by themselves; where not, since when. */
export function LiveMark() {
  const { connection, heardAt, reconnect } = useConnection();
  const now = useNow();
  const age = heardAt ? relative(new Date(heardAt).toISOString(), Math.max(now, heardAt)) : undefined;
  if (connection !== 'lost') {
    return (
      <span className="live from-700" data-state={connection} role="status">
        {says[connection]}
      </span>
    );
  }
  return (
    <Tooltip label="The connection is lost. The page asks every 10 seconds meanwhile.">
      <Button size="compact-xs" variant="default" onClick={reconnect}>
        <span className="live" data-state="lost" role="status">
          {says.lost}
          {age && `, last heard ${age}`} · reconnect
        </span>
      </Button>
    </Tooltip>
  );
}
