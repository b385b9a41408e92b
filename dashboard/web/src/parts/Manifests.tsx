import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { readFiles } from '~/api/views';
import { FileList } from './FileList';
import { Empty, Failure, Loading } from './states';

interface Props {
  namespace: string;
  environment: string;
  app: string;
  commit: string;
}

/** The files that Flux applies of an app, as a commit has them. */
export function Manifests({ namespace, environment, app, commit }: Props) {
  const found = useQuery({
    queryKey: ['files', namespace, environment, app, commit],
    queryFn: () => readFiles(namespace, environment, app, commit),
    // What a commit has never changes.
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (found.isPending) return <Loading />;
  if (found.error) return <Failure error={found.error} again={() => void found.refetch()} />;
  const { files } = found.data;
  if (files.length === 0) return <Empty>This commit has no files of the app.</Empty>;
  return (
    <>
      <Text size="xs" c="dimmed" mb={4}>
        {files.length} {files.length === 1 ? 'file' : 'files'}; the values of Secrets are masked.
      </Text>
      <FileList files={files} />
    </>
  );
}
