import { expect, test } from 'vitest';
import { storeLink } from './store';

const shown = { app: 'shop', environment: 'prod', namespace: 'team', pod: '', container: 'a&b=c' };

test('a template is filled in, and what is filled in is a value and no more', () => {
  expect(
    storeLink('https://logs.example.com/{environment}?q=ns:{namespace}+app:{app}{pod}&c={container}&x={other}', shown),
  ).toBe('https://logs.example.com/prod?q=ns:team+app:shop&c=a%26b%3Dc&x={other}');
});

test('what is no address of the web is no link', () => {
  expect(storeLink(undefined, shown)).toBeUndefined();
  expect(storeLink('javascript:alert(1)//{app}', shown)).toBeUndefined();
  expect(storeLink('https://', shown)).toBeUndefined();
});
