import { Code, Text } from '@mantine/core';
import { Link, useSearch } from '@tanstack/react-router';
import type { EnvironmentCard } from '~/api/server';
import { dayTime } from '~/domain/time';
import { useOverview } from '~/live/scopes';
import { useFeedStatus, useValues } from '~/live/useFeed';
import { Age } from '~/parts/Age';
import { Empty, Failure, Loading } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { NewEnvironment } from './NewEnvironment';

/** All environments, in their order of promotion. */
export function EnvironmentsPage() {
  const { ns } = useSearch({ strict: false });
  const feed = useOverview(ns);
  const status = useFeedStatus(feed);
  const cards = useValues<EnvironmentCard>(feed, 'env:');
  return (
    <>
      <div className="page-head">
        <h1>Environments</h1>
        <NewEnvironment />
      </div>
      {status.problem && <Failure error={status.problem} again={() => void feed.reload()} kept={status.at} />}
      {!status.loaded && !status.problem && <Loading />}
      {status.loaded && cards.length === 0 && (
        <Empty next={<NewEnvironment />}>
          There are no environments yet. Make one here, or with <Code>gimlet env create</Code>: it appears by itself.
        </Empty>
      )}
      {cards.length > 0 && (
        <section className={`panel scroll-x ${status.problem ? 'stale' : ''}`} aria-label="Environments">
          <table className="data">
            <thead>
              <tr>
                <th>Environment</th>
                <th>State</th>
                <th>Apps</th>
                <th>Repository</th>
                <th>Newest commit</th>
                <th>Rules</th>
              </tr>
            </thead>
            <tbody>
              {cards.map((card) => (
                <Line key={`${card.namespace}/${card.name}`} card={card} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}

function Line({ card }: { card: EnvironmentCard }) {
  const { namespace, name, word, text, apps, url, branch, path, head, lock } = card;
  return (
    <tr>
      <td>
        <Link
          to="/environments/$namespace/$name"
          params={{ namespace, name }}
          search={({ ns }) => ({ ns })}
          className="text-link"
        >
          <strong>{name}</strong>
        </Link>
        <Text size="xs" c="dimmed">
          {namespace}
        </Text>
      </td>
      <td style={{ maxWidth: 320 }}>
        <WordMark word={word} size={15} />
        {word !== 'Healthy' && (
          <Text size="xs" className="wrap">
            {text}
          </Text>
        )}
        {lock && (
          <Text size="xs" className="wrap">
            <WordMark word="Waiting" size={13}>
              locked
            </WordMark>{' '}
            {lock.reason}
            {lock.until && `, until ${dayTime(lock.until)}`}
          </Text>
        )}
      </td>
      <td>{apps ?? '—'}</td>
      <td className="wrap">
        {url?.replace(/^https?:\/\//, '')}
        <Text size="xs" c="dimmed">
          {[branch, path].filter(Boolean).join(', ')}
        </Text>
      </td>
      <td>
        <span className="mono">{head?.short ?? '—'}</span> <Age time={head?.time} />
      </td>
      <td>
        <Text size="xs">{rulesOf(card).join(' · ') || 'none'}</Text>
      </td>
    </tr>
  );
}

/** Says the rules of an environment in short. */
export function rulesOf({ approvals, windows, promotesFrom, promotionMode, suspended }: EnvironmentCard): string[] {
  return [
    suspended && 'suspended',
    promotesFrom && `after ${promotesFrom}${promotionMode === 'Automatic' ? ', by itself' : ''}`,
    approvals && `${approvals} ${approvals === 1 ? 'approval' : 'approvals'}`,
    windows && 'deploy windows',
  ].filter((rule): rule is string => Boolean(rule));
}
