import { Group, NativeSelect, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { sentence } from '~/api/http';
import { type ChartQuestion, type ChartView, readChartVersions } from '~/api/views';

/** So many are offered; a version beyond them is written in YAML. */
const OFFERED = 30;

/** Whether a version in the manifest says which one is taken: not where the address has it already, or git does. */
export function hasVersions({ name, repository }: ChartQuestion): boolean {
  if (!repository && !name.startsWith('oci://')) return false;
  return !/[:@]/.test(name.split('/').at(-1) ?? '');
}

interface Props {
  namespace: string;
  environment: string;
  question: ChartQuestion;
  chart: ChartView;
  disabled: boolean;
  onChoose: (version: string) => void;
}

/** The chart of a manifest and the other versions of it: one that is chosen is written into the text. */
export function ChartVersion({ namespace, environment, question, chart, disabled, onChoose }: Props) {
  const { name, repository, version } = question;
  const listed = hasVersions(question);
  const asked = { name, repository, than: chart.version };
  const versions = useQuery({
    queryKey: ['chart versions', namespace, environment, asked],
    queryFn: () => readChartVersions(namespace, environment, asked),
    enabled: listed,
    staleTime: 300_000,
  });
  const why = versions.error && `Other versions are not known: ${sentence(versions.error)}`;
  const { versions: all = [], newer = 0 } = versions.data ?? {};
  if (all.length === 0) {
    return (
      <Text span size="sm" c="dimmed" title={why || undefined}>
        chart {chart.name} {chart.version}
        {why && ' (other versions are not known)'}
      </Text>
    );
  }
  const offered = all.slice(0, OFFERED);
  // What the manifest says stays to be chosen, be it a range, none, or old.
  const said = version ?? '';
  const now = { value: said, label: version === chart.version ? version : `${version ?? 'newest'} (${chart.version})` };
  const others = offered.filter((each) => each !== said);
  const isNewer = (each: string) => all.indexOf(each) < newer;
  return (
    <Group gap={8}>
      <Text span size="sm" c="dimmed">
        chart {chart.name}
      </Text>
      <NativeSelect
        size="xs"
        aria-label="Version of the chart"
        disabled={disabled}
        value={said}
        onChange={(event) => onChoose(event.currentTarget.value)}
        data={[
          now,
          { group: 'Newer', items: others.filter(isNewer) },
          { group: 'Older', items: others.filter((each) => !isNewer(each) && each !== chart.version) },
        ].filter((each) => !('items' in each) || each.items.length > 0)}
      />
      {newer > 0 && (
        <Text span size="sm">
          {all[0]} available
        </Text>
      )}
    </Group>
  );
}
