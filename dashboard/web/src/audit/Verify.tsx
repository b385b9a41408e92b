import { Drawer, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Release } from '~/api/kinds';
import { readNamed } from '~/api/objects';
import { CopyLine } from '~/parts/CopyLine';
import { Failure, Loading } from '~/parts/states';
import { WordIcon } from '~/parts/WordMark';
import type { LogEntry } from './log';
import { chainOf, verifyCommand } from './signature';

interface Props {
  entry: LogEntry | undefined;
  /** The folder of its environment in the repository. */
  path: string | undefined;
  close: () => void;
}

/** What leads from a commit to the release and the plan that it was made of. */
export function Verify({ entry, path, close }: Props) {
  return (
    <Drawer opened={entry !== undefined} onClose={close} position="right" size={600} title="Digest, commit, tree">
      {entry && <Chain entry={entry} path={path} />}
    </Drawer>
  );
}

function Chain({ entry, path }: { entry: LogEntry; path: string | undefined }) {
  const { namespace, release } = entry;
  const found = useQuery({
    queryKey: ['release of commit', namespace, release],
    queryFn: async () => (await readNamed<Release>('releases', namespace, release ?? '')) ?? null,
    enabled: Boolean(release),
  });
  return (
    <>
      <p className="mono wrap">{entry.commit}</p>
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {release && found.isPending && <Loading lines={3} />}
      {(!release || found.data !== undefined) && (
        <ul className="chain">
          {chainOf(entry, found.data ?? undefined).map(({ word, text }) => (
            <li key={text}>
              <WordIcon word={word} />
              <span className="wrap">{text}</span>
            </li>
          ))}
        </ul>
      )}
      <Text size="sm" mb="xs">
        Whether its files are those of the plan says the command line, in a clone, without a cluster or a network:
      </Text>
      <CopyLine text={verifyCommand(entry.commit, path)} />
    </>
  );
}
