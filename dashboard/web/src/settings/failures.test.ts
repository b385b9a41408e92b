import { expect, it } from 'vitest';
import { lastFailure, withoutFailure } from './failures';

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

it('there is no failure only where the events were read', () => {
  const may = { allowed: true, text: '' };
  const mayNot = { allowed: false, text: 'You may not list events in team.' };
  expect(withoutFailure(may, { isSuccess: true, error: null })).toBe('none for an hour');
  expect(withoutFailure(may, { isSuccess: false, error: null })).toBe('…');
  expect(withoutFailure(may, { isSuccess: false, error: new Error('it broke') })).toBe('not known: it broke');
  expect(withoutFailure(mayNot, { isSuccess: true, error: null })).toBe('not known: You may not list events in team.');
});
