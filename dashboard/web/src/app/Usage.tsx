import { useQuery, useQueryClient } from '@tanstack/react-query';
import { readUsage } from '~/api/agents';
import { staysRefused } from '~/api/queries';
import { cpuText, memoryText, pointsOf, type Sample, type Series, withSample } from '~/domain/usage';
import type { Place } from './AgentButtons';

/** How often is looked: what measures it does not look more often. */
const OFTEN = 15_000;
const WIDTH = 44;
const HEIGHT = 14;

/** Returns when is looked again: never where nobody measures it, or the person may not see it. */
export const nextLook = ({ error, data }: { error: unknown; data?: readonly Sample[] | null }): number | false =>
  staysRefused(error) || data === null ? false : OFTEN;

/**
 * What the pods of an app used since the page was opened; nothing where nobody measures it in that cluster, or the
 * person may not see it. Nobody else keeps it, and it is there again for whoever comes back soon.
 */
export function useUsage({ namespace, environment }: Place, app: string, told: boolean): readonly Sample[] | undefined {
  const queries = useQueryClient();
  const queryKey = ['usage', namespace, environment, app];
  const usage = useQuery({
    queryKey,
    queryFn: async () => {
      const items = await readUsage(namespace, environment, app);
      return items && withSample(queries.getQueryData<Sample[]>(queryKey) ?? [], Date.now(), items);
    },
    enabled: told,
    retry: false,
    refetchInterval: ({ state }) => nextLook(state),
    gcTime: 15 * 60_000,
  });
  return told && !staysRefused(usage.error) ? (usage.data ?? undefined) : undefined;
}

/** Processor and memory, as lines with what is used now. */
export function UsageLines({ series, of }: { series: Series | undefined; of: string }) {
  if (!series) return '—';
  return (
    <span className="usage">
      <Sparkline values={series.cpu} text={cpuText} label={`processor of ${of}`} />
      <Sparkline values={series.memory} text={memoryText} label={`memory of ${of}`} />
    </span>
  );
}

function Sparkline({
  values,
  text,
  label,
}: {
  values: readonly number[];
  text: (value: number) => string;
  label: string;
}) {
  const now = values[values.length - 1] ?? 0;
  const most = Math.max(...values);
  const told = `${label}: ${text(now)} now, at most ${text(most)}`;
  return (
    <span title={told}>
      <svg width={WIDTH} height={HEIGHT} viewBox={`-1 -1 ${WIDTH + 2} ${HEIGHT + 2}`} role="img" aria-label={told}>
        <polyline points={pointsOf(values, WIDTH, HEIGHT)} />
      </svg>
      <span aria-hidden>{text(now)}</span>
    </span>
  );
}
