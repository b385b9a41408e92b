import { expect, it } from 'vitest';
import { hasVersions } from './ChartVersion';

it('a version is chosen where the manifest says which one is taken', () => {
  expect(hasVersions({ name: 'shop', repository: 'https://charts.example.com' })).toBe(true);
  expect(hasVersions({ name: 'oci://registry.example.com:5000/charts/shop' })).toBe(true);
  expect(hasVersions({ name: 'oci://registry.example.com/charts/shop:1.2.3' })).toBe(false);
  expect(hasVersions({ name: `oci://registry.example.com/shop@sha256:${'a'.repeat(64)}` })).toBe(false);
  expect(hasVersions({ name: 'app' })).toBe(false);
  expect(hasVersions({ name: 'https://git.example.com/acme/charts.git?path=/shop' })).toBe(false);
});
