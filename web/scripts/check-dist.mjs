// What was built must hold the page's promises: small, no inline code or style, nothing fetched from elsewhere.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const MAX_SCRIPT_KIB = 80;
const dist = new URL('../dist/', import.meta.url).pathname;

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));

const scripts = files.filter((file) => file.endsWith('.js'));
const kib = scripts.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0) / 1024;
const faults = [];
if (scripts.length === 0) faults.push('there is no script in dist/');
if (kib > MAX_SCRIPT_KIB) faults.push(`scripts weigh ${kib.toFixed(1)} KiB gzipped, more than ${MAX_SCRIPT_KIB}`);

const page = readFileSync(join(dist, 'index.html'), 'utf8');
if (/<script(?![^>]*\ssrc=)[^>]*>/i.test(page)) faults.push('index.html has an inline script');
if (/<style|\sstyle=|\son[a-z]+=/i.test(page)) faults.push('index.html has inline style or handlers');
if (/(?:src|href)="(?:https?:)?\/\//i.test(page)) faults.push('index.html fetches from elsewhere');
for (const file of files.filter((name) => name.endsWith('.css'))) {
  if (/url\(\s*["']?(?:https?:)?\/\/|@import/i.test(readFileSync(file, 'utf8'))) {
    faults.push(`${file} fetches from elsewhere`);
  }
}

for (const fault of faults) console.error(`dist: ${fault}`);
console.log(`dist: ${kib.toFixed(1)} KiB of gzipped script (limit ${MAX_SCRIPT_KIB})`);
process.exit(faults.length === 0 ? 0 : 1);
