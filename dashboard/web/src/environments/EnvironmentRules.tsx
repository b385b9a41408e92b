import { Text } from '@mantine/core';
import type { Environment, Window } from '~/api/kinds';

/** The gates of an environment in sentences. They are changed in the file of the Environment. */
export function EnvironmentRules({ environment: { spec } }: { environment: Environment }) {
  const { approval, windows, promotion, automaticRollback, deletionGuard, encryption, render, notifications } = spec;
  const count = approval?.count ?? 1;
  const rules: [string, string][] = [
    [
      'Approval',
      approval
        ? `${count} ${count === 1 ? 'person has' : 'people have'} to agree${approval.own ? ', whoever made it too' : ', not whoever made it'}`
        : 'nobody has to agree',
    ],
    [
      'Promotion',
      promotion
        ? `healthy in ${promotion.from} first${promotion.soak ? `, for ${promotion.soak}` : ''}; ${promotion.mode === 'Automatic' ? 'then it comes by itself' : 'somebody releases it'}`
        : 'from anywhere',
    ],
    ['Open', windows?.allow?.length ? windows.allow.map(windowText).join('; ') : 'at any time'],
    ['Closed', windows?.deny?.length ? windows.deny.map(windowText).join('; ') : 'never'],
    [
      'Rollback',
      automaticRollback ? `by itself, if not healthy after ${automaticRollback.after ?? '10m'}` : 'by people',
    ],
    ['Removals', deletionGuard === 'Off' ? 'are not asked about' : 'of much have to be confirmed'],
    [
      'Secrets',
      encryption ? 'encrypted before git' : render?.allowSecrets ? 'may be plain in git' : 'refused where plain',
    ],
    [
      'Told',
      notifications?.length
        ? notifications
            .map(({ name, provider, events }) => `${name} (${provider}): ${events?.join(', ') || 'everything'}`)
            .join('; ')
        : 'nobody',
    ],
  ];
  return (
    <section className="panel" aria-label="Rules">
      <div className="panel-body">
        <dl className="facts">
          {rules.map(([name, text]) => [<dt key={`${name} name`}>{name}</dt>, <dd key={name}>{text}</dd>])}
        </dl>
        <Text size="xs" c="dimmed" mt="md">
          Rules are changed in the file of the Environment, as every desired state is.
        </Text>
      </div>
    </section>
  );
}

const windowText = ({ cron, rrule, start, duration, timeZone }: Window) =>
  `${cron ?? `${rrule} from ${start}`} for ${duration}, ${timeZone ?? 'UTC'}`;
