import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// `npm run fake` serves the backend at this address; a real one can be named instead.
const backend = process.env.GIMLET_BACKEND ?? 'http://127.0.0.1:8788';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '~': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.json' },
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: backend, ws: true }, '/apis': backend, '/auth': backend },
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
