import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Everything the app needs is in the build: no address of another host may appear in it.
export default defineConfig({
  plugins: [react()],
  build: { outDir: 'dist', emptyOutDir: true, sourcemap: false, assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/v1', '/health', '/openapi.json', '/ws'].map((path) => [path, { target: process.env['GATEWAY_URL'] ?? 'http://127.0.0.1:8000', ws: path === '/ws' }]),
    ),
  },
});
