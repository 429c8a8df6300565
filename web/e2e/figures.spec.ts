/**
 * One fact has one value: every run of a varied store is looked at in the list, on its page (tiles, sentences, curve,
 * child table), over the API and in the terminal, and the figures are compared.
 */
import type { Locator, Page } from '@playwright/test';
import { formatDuration, formatMemory, formatPercent } from '../src/format';
import type { Point, Run } from '../src/wire';
import type { Bpd } from './bpd';
import { enter, expect, test } from './page';

const UNKNOWN = '–';
const OPEN = ['running', 'stopped', 'background'];

/** Lines typed into a real bash: builtins, children, memory that comes and goes, hidden text, jobs. */
async function typeLines(bpd: Bpd): Promise<void> {
  const shell = await bpd.shell();
  const lines = [
    'true',
    "sh -c 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'",
    'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done',
    'sh -c \'head -c 60000000 /dev/zero | tail -c 50000000 | sha256sum\' >/dev/null',
    'dd if=/dev/zero of=/dev/null bs=96M count=4 2>/dev/null; sleep 0.3',
    'for n in 1 2 3 4 5 6 7 8; do /bin/true; done',
    ' hidden line',
    'sleep 0.3; (exit 3)',
    'sleep 0.2 &',
    'sleep 300 &',
  ];
  for (const line of lines) await shell.line(line);
  await shell.type('sleep 301\n');
  await bpd.until((runs) => runs[0]?.command === 'sleep 301' && runs[0].state === 'running');
  await shell.type('\u001a');
  await bpd.until((runs) => runs[0]?.state === 'stopped');
  const leaving = await bpd.shell();
  await leaving.type('(exit 7); exit 7\n');
  await bpd.until((runs) => runs.some((run) => run.state === 'left'));
}

/** Runs of clients whose clocks and figures are odd. */
async function postRuns(bpd: Bpd): Promise<void> {
  const now = Date.now() / 1000;
  const point = (ts: number, cpu_percent: number, rss_mb: number) => ({ ts, cpu_percent, rss_mb });
  await bpd.postPoints('posted', [point(now, 40, 10), point(now + 0.1, 60, 30)]);
  await bpd.postPoints('the clock was set', [point(now - 86_400, 50, 10), point(now, 50, 10)]);
  await bpd.postPoints('more than any machine', [point(now, 9e6, 10), point(now + 1, 9e6, 10)]);
  await bpd.postPoints('times go back', [point(now, 10, 10), point(now + 0.2, 20, 90), point(now + 0.1, 80, 300)]);
  await bpd.postPoints('without samples', []);
  await bpd.postPoints(
    'a long curve with one peak',
    Array.from({ length: 2501 }, (_, at) => point(now + at / 1000, 20, at === 1203 ? 777 : 100)),
  );
  await bpd.implausible();
}

async function varied(bpd: Bpd): Promise<readonly Run[]> {
  await typeLines(bpd);
  await bpd.record('sh', '-c', 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done');
  await postRuns(bpd);
  return bpd.document<Run[]>('list', '-n', '500');
}

const plain = (text: string | null) => (text ?? '').replace(/\u00a0/g, ' ').trim();
const atLeast = (run: Run, text: string) => (run.run_stats?.peak_lower_bound && text !== UNKNOWN ? `≥ ${text}` : text);

/** What the API says of a run, as the page is to show it. */
function wanted(run: Run) {
  const { run_stats: stats } = run;
  return {
    duration: plain(formatDuration(stats?.duration_s, 'en')),
    cpu: plain(formatDuration(stats?.cpu_seconds, 'en')),
    average: plain(formatPercent(stats?.cpu_avg, 'en')),
    p95: plain(formatPercent(stats?.cpu_p95, 'en')),
    highest: plain(formatPercent(stats?.cpu_max, 'en')),
    memory: plain(formatMemory(stats?.rss_max_mb, 'en')),
    memoryAverage: plain(formatMemory(stats?.rss_avg_mb, 'en')),
  };
}

async function checkRow(page: Page, run: Run): Promise<void> {
  const row = page.locator(`.run-row[data-run="${run.id}"]`);
  const cell = async (name: string) => plain(await row.locator(`.cell-${name}`).textContent());
  const { duration, cpu, memory } = wanted(run);
  if (OPEN.includes(run.state)) {
    expect(await cell('status'), `${run.id}`).toContain(run.state);
    return;
  }
  expect([await cell('duration'), await cell('cpu'), await cell('memory')], `row of run ${run.id}`).toEqual([
    duration,
    cpu,
    atLeast(run, memory),
  ]);
}

async function tiles(page: Page): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const tile of await page.locator('.figures .figure').all()) {
    const name = plain(await tile.locator('dt').textContent());
    // The first text is the figure; what is small behind it explains it.
    found[name] = plain(await tile.locator('dd').evaluate((node) => node.firstChild?.textContent ?? ''));
  }
  return found;
}

function checkTiles(run: Run, shown: Record<string, string>): void {
  const figures = wanted(run);
  expect(shown, `tiles of run ${run.id}`).toMatchObject({
    'CPU time': figures.cpu,
    'CPU average': figures.average,
    'CPU p95': figures.p95,
    'CPU peak': atLeast(run, figures.highest),
    'Memory peak': atLeast(run, figures.memory),
    'Memory average': figures.memoryAverage,
    Duration: figures.duration,
  });
}

/** The figure as a number in seconds, percent or MiB. */
function parse(text: string): number {
  const units: Record<string, number> = {
    ms: 0.001, s: 1, min: 60, m: 60, h: 3600, d: 86_400, '%': 1, MiB: 1, GiB: 1024, KiB: 1 / 1024, B: 1 / 1024 / 1024,
  };
  const parts = [...text.replace('≥', '').matchAll(/([\d.,]+) ?(ms|min|MiB|GiB|KiB|[smhdB%])/g)];
  if (parts.length === 0) throw new Error(`no figure in ${JSON.stringify(text)}`);
  return parts.reduce((sum, [, value, unit]) => sum + Number(value?.replaceAll(',', '')) * (units[unit ?? ''] ?? NaN), 0);
}

/** Two texts of one figure: each may be rounded by up to a hundredth, or to its last digit. */
function isSame(one: string, other: string): boolean {
  if (one === UNKNOWN || other === UNKNOWN) return one === other;
  const [a, b] = [parse(one), parse(other)];
  const step = /ms/.test(one) ? 0.001 : /%|MiB/.test(one) ? 0.51 : 0;
  return Math.abs(a - b) <= Math.max(step, 0.012 * Math.max(a, b));
}

/** Sentence and curve of one chart against the tile. */
async function checkChart(chart: Locator, run: Run, tile: { average: string; highest: string }): Promise<void> {
  const sentence = plain(await chart.locator('.chart-summary').textContent());
  const told = /average (.+?), highest (.+?)(?: at .+)?, over/.exec(sentence);
  expect(told, `${run.id}: ${sentence}`).not.toBeNull();
  const average = tile.average === UNKNOWN ? 'unknown' : tile.average;
  expect([told?.[1], told?.[2]], `run ${run.id}: ${sentence}`).toEqual([average, tile.highest]);
  await chart.getByRole('button', { name: 'Show data' }).click();
  const cells = await chart.locator('.chart-rows tbody tr td:first-of-type').allTextContents();
  const drawn = cells.map(plain).filter((text) => text !== UNKNOWN).map(parse);
  const most = Math.max(...drawn);
  if (sentence.includes(' at ')) {
    expect(isSame(`${most} ${tile.highest.includes('%') ? '%' : 'MiB'}`, tile.highest), `run ${run.id}: curve ${most}, tile ${tile.highest}`).toBe(true);
  } else {
    expect(most, `run ${run.id}: the curve is above its peak`).toBeLessThanOrEqual(parse(tile.highest) * 1.01);
  }
}

async function checkCharts(page: Page, run: Run, samples: readonly Point[]): Promise<void> {
  const figures = wanted(run);
  const charts = page.locator('figure.chart');
  for (const chart of await charts.all()) {
    const name = plain(await chart.locator('.chart-name strong').textContent());
    if (name === 'CPU') await checkChart(chart, run, { average: figures.average, highest: figures.highest });
    else await checkChart(chart, run, { average: figures.memoryAverage, highest: figures.memory });
  }
  if (samples.length < 2) await expect(charts).toHaveCount(0);
}

async function checkChildren(page: Page, run: Run): Promise<void> {
  const rows = await page.locator('.children-table tbody tr').all();
  if (rows.length === 0) return;
  for (const [at, child] of run.children.entries()) {
    const row = rows[at];
    const texts = ((await row?.locator('th, td').allTextContents()) ?? []).map(plain);
    const cpu = plain(formatDuration(child.cpu_seconds, 'en'));
    expect([texts[0], texts[2], texts[4]], `child ${at} of run ${run.id}`).toEqual([
      child.name,
      child.at_least ? `≥ ${cpu}` : cpu,
      plain(formatMemory(child.rss_max_mb, 'en')),
    ]);
    // No program can have had more memory than the run.
    const most = run.run_stats?.rss_max_mb;
    if (most != null && child.rss_max_mb !== null) expect(child.rss_max_mb, `${run.id}`).toBeLessThanOrEqual(most + 0.01);
  }
}

/** `bpctl show` prints what the page shows. */
function checkTerminal(run: Run, text: string): void {
  const figures = wanted(run);
  const line = (name: string) => new RegExp(`^  ${name}  +(.+)$`, 'm').exec(text)?.[1] ?? UNKNOWN;
  const part = (name: string, word: string) => new RegExp(`${word} (≥ )?([^·]+)`).exec(line(name))?.[2]?.trim() ?? UNKNOWN;
  const same = (shown: string, expected: string, what: string) =>
    expect(isSame(shown, expected), `${what} of run ${run.id}: page ${expected}, terminal ${shown}\n${text}`).toBe(true);
  if (!run.run_stats) return;
  same(line('took'), figures.duration, 'duration');
  same(line('cpu time').replace(/\(.*$/, ''), figures.cpu, 'CPU time');
  same(part('cpu', 'avg'), figures.average, 'average');
  same(part('cpu', 'p95'), figures.p95, 'p95');
  same(part('cpu', 'max'), figures.highest, 'peak');
  same(part('rss', 'avg'), figures.memoryAverage, 'memory average');
  same(part('rss', 'max'), figures.memory, 'memory peak');
}

test('every figure of every run has one value on the page, over the API and in the terminal', async ({ page, bpd }) => {
  test.slow();
  const runs = await varied(bpd);
  expect(runs.filter((run) => run.state === 'lost')).toEqual([]);
  expect(new Set(runs.map((run) => run.state))).toEqual(new Set(['finished', 'stopped', 'background', 'left']));
  expect(runs.filter((run) => run.implausible.length > 0).length).toBeGreaterThanOrEqual(3);
  await enter(page, bpd);
  await expect(page.locator('.run-row[data-run]')).toHaveCount(runs.length);
  for (const run of runs) await checkRow(page, run);

  for (const { id } of runs) {
    await page.goto(`${bpd.origin}/#/runs/${id}`);
    await expect(page.getByRole('heading', { level: 1, name: `Run ${id}`, exact: true })).toBeVisible();
    await expect(page.locator('#figures-title')).toBeVisible();
    const run = await bpd.document<Run>('show', String(id));
    const samples = (await bpd.get(`/runs/${id}/samples`)) as Point[];
    // What goes on has other figures a moment later.
    if (OPEN.includes(run.state)) continue;
    const charts = samples.length >= 2 && run.run_stats?.cpu_max != null;
    if (charts) await expect(page.locator('figure.chart').first()).toBeVisible();
    if (run.run_stats) checkTiles(run, await tiles(page));
    await checkCharts(page, run, samples);
    await checkChildren(page, run);
    checkTerminal(run, await bpd.text('show', String(id)));
  }
});
