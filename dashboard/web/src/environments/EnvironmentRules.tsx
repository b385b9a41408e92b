import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Environment, Window } from '~/api/kinds';
import { Empty } from '~/parts/states';
import { RulesEditor } from './RulesEditor';

/** The gates of an environment in sentences, and as a text where they are changed. */
export function EnvironmentRules({ environment }: { environment: Environment }) {
  const [editing, edit] = useState(false);
  const { spec } = environment;
  const { approval, windows, promotion, automaticRollback, deletionGuard, encryption, render } = spec;
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
  ];
  return (
    <>
      <section className="panel" aria-label="Policies">
        <header>
          <h2>Policies</h2>
          {/* Looking at what a change would be needs no right. */}
          {!editing && (
            <Button size="compact-sm" variant="default" onClick={() => edit(true)}>
              Edit…
            </Button>
          )}
        </header>
        <div className="panel-body">
          <dl className="facts">
            {rules.map(([name, text]) => [<dt key={`${name} name`}>{name}</dt>, <dd key={name}>{text}</dd>])}
          </dl>
        </div>
      </section>
      {editing && <RulesEditor environment={environment} onClose={() => edit(false)} />}
    </>
  );
}

const windowText = ({ cron, rrule, start, duration, timeZone }: Window) =>
  `${cron ?? `${rrule} from ${start}`} for ${duration}, ${timeZone ?? 'UTC'}`;

/** Who is told of what. */
export function EnvironmentNotifications({ environment: { spec } }: { environment: Environment }) {
  const { notifications = [] } = spec;
  if (notifications.length === 0) {
    return <Empty>Nobody is told of what happens here. Notifications are set in the file of the Environment.</Empty>;
  }
  return (
    <section className="panel scroll-x" aria-label="Notifications">
      <table className="data">
        <thead>
          <tr>
            <th>Name</th>
            <th>To</th>
            <th>Of</th>
            <th>Apps</th>
          </tr>
        </thead>
        <tbody>
          {notifications.map(({ name, provider, events, apps }) => (
            <tr key={name}>
              <td>{name}</td>
              <td>{provider}</td>
              <td className="wrap">{events?.join(', ') || 'everything'}</td>
              <td className="wrap">{apps?.join(', ') || 'all'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
