import { expect, it } from 'vitest';
import { lastFailure } from './failures';

it('the newest failure is that of the very notification', () => {
  const event = (time: string, object: string, message: string) => ({
    time,
    object,
    message,
    warning: true,
    reason: 'NotificationFailed',
    count: 1,
  });
  const events = [
    event('3', 'Environment/prod', 'notification chat-2: the receiver answered 500'),
    event('2', 'Environment/prod', 'notification chat: the receiver answered 410'),
    event('1', 'Environment/prod', 'notification chat: the receiver answered 404'),
    event('0', 'Environment/dev', 'notification chat: the receiver answered 403'),
  ];
  expect(lastFailure(events, 'prod', 'chat')).toEqual({ time: '2', message: 'the receiver answered 410' });
  expect(lastFailure(events, 'staging', 'chat')).toBeUndefined();
});
