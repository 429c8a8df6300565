import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

export default defineConfig({
  // The prefresh and devtools hooks of the preset are for development only; nothing of them reaches dist/.
  plugins: [preact({ devToolsEnabled: false })],
  build: {
    target: 'es2023',
    // The page's policy allows no inline anything: every asset is a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: true,
  },
});
