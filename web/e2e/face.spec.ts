import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import type { Bpd } from './bpd';
import { curve, enter, expect, isLive, test } from './page';

/** Enough of everything that every part of every page is there. */
async function fill(bpd: Bpd): Promise<void> {
  await bpd.post('make -j8 all', curve(40, 60));
  await bpd.post(`cargo test --workspace ${'--feature-with-a-long-name '.repeat(8)}`, curve(4), 101);
  await bpd.post('make -j8 all', curve(60, 90));
}

const VIEWS = ['/runs', '/runs/3', '/compare?a=3&b=1', '/compare', '/alerts', '/runs?q=nothing', '/nowhere'];

async function settled(page: Page): Promise<void> {
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.getByText('Loading…')).toHaveCount(0);
}

/** What axe has against the page as it is now. */
async function complaints(page: Page, where: string): Promise<string[]> {
  const found = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  return found.violations.map(({ id, nodes }) => `${where} ${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

for (const [colorScheme, width] of [['light', 1280], ['dark', 1280], ['light', 360], ['dark', 360]] as const) {
  test(`axe finds nothing in any view, ${colorScheme}, ${width} px`, async ({ page, bpd }) => {
    await page.setViewportSize({ width, height: 740 });
    await page.emulateMedia({ colorScheme });
    await fill(bpd);
    await page.goto(bpd.origin);
    await settled(page);
    expect(await complaints(page, 'no session')).toEqual([]);
    await enter(page, bpd);
    for (const view of VIEWS) {
      await page.goto(`${bpd.origin}/#${view}`);
      await settled(page);
      expect(await complaints(page, view)).toEqual([]);
    }
    await page.goto(`${bpd.origin}/#/runs/3`);
    await page.getByRole('button', { name: 'Show data' }).first().click();
    await page.getByText('Raw JSON').click();
    await page.getByRole('button', { name: 'Edit tags and note' }).click();
    expect(await complaints(page, 'opened parts')).toEqual([]);
    await page.getByRole('button', { name: 'Delete' }).click();
    expect(await complaints(page, 'dialog')).toEqual([]);
  });
}

test('a breach of the policy is stopped, and seen by these tests', async ({ page, bpd, faults }) => {
  await enter(page, bpd);
  await page.evaluate(() => document.body.setAttribute('style', 'outline: 1px solid'));
  await expect.poll(() => faults).toEqual([expect.stringMatching(/^policy: style-src-attr/)]);
  expect(await page.evaluate(() => getComputedStyle(document.body).outlineStyle)).toBe('none');
  faults.length = 0;
});

test('the tables of figures fit into a window of 360 px', async ({ page, bpd }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await fill(bpd);
  await bpd.record('sh', '-c', 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 1.2');
  const recorded = (await bpd.runs()).find((run) => run.command?.startsWith('sh'))?.id;
  await enter(page, bpd);
  for (const language of ['tr', 'en']) {
    await page.locator('.settings select').first().selectOption(language);
    for (const [view, table] of [[`/runs/${recorded}`, 'children'], ['/compare?a=3&b=1', 'delta']] as const) {
      await page.goto(`${bpd.origin}/#${view}`);
      const box = page.locator(`.scroll-x:has(> .${table}-table)`);
      await expect(box).toBeVisible();
      const over = await box.evaluate((element) => element.scrollWidth - element.clientWidth);
      expect(over, `${language} ${view}`).toBeLessThanOrEqual(0);
    }
  }
});

for (const width of [360, 760, 1440, 3840]) {
  test(`no view is wider than a window of ${width} px, in either language`, async ({ page, bpd }) => {
    await page.setViewportSize({ width, height: 740 });
    await fill(bpd);
    await enter(page, bpd);
    for (const language of ['tr', 'en']) {
      await page.locator('.settings select').first().selectOption(language);
      for (const view of VIEWS) {
        await page.goto(`${bpd.origin}/#${view}`);
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(over, `${view} in ${language}`).toBeLessThanOrEqual(0);
      }
    }
  });
}

test('the page speaks Turkish, with its own numbers, and remembers it', async ({ page, bpd }) => {
  await bpd.post('make', curve(20, 80));
  await enter(page, bpd, '/runs/1');
  await page.getByLabel('Language').selectOption('tr');
  await expect(page.locator('html')).toHaveAttribute('lang', 'tr');
  await expect(page.getByRole('heading', { name: 'Çalıştırma 1' })).toBeVisible();
  await expect(page.locator('.figures')).toContainText(/%8\d/);
  await page.reload();
  await expect(page.getByRole('link', { name: 'Uyarılar' })).toBeVisible();
});

test('the theme follows the system until one is chosen', async ({ page, bpd }) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: 'dark' });
  await enter(page, bpd);
  const dark = await ground();
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await ground();
  expect(light).not.toBe(dark);
  await page.getByLabel('Theme').selectOption('dark');
  expect(await ground()).toBe(dark);
  await page.reload();
  await isLive(page);
  expect(await ground()).toBe(dark);
});

test('a chart is read by keyboard and as a table', async ({ page, bpd }) => {
  await bpd.post('make', curve(20, 80));
  await enter(page, bpd, '/runs/1');
  const chart = page.locator('figure.chart').first();
  await chart.getByRole('group').focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await expect(chart.locator('[aria-live=polite]')).toHaveText('1.00\u00a0s: 81\u00a0%');
  await chart.getByRole('button', { name: 'Show data' }).click();
  await expect(chart.getByRole('row')).toHaveCount(21);
});

test('keys that come before a chart is drawn are not lost', async ({ page, bpd }) => {
  await bpd.post('make', curve(20, 80));
  await page.addInitScript(() => {
    const seen = new MutationObserver(() => {
      const canvas = document.querySelector('figure.chart [role=group]');
      if (!canvas) return;
      seen.disconnect();
      for (const key of ['Home', 'ArrowRight', 'ArrowRight']) {
        canvas.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
      }
    });
    seen.observe(document, { childList: true, subtree: true });
  });
  await enter(page, bpd, '/runs/1');
  const chart = page.locator('figure.chart').first();
  await expect(chart.locator('[aria-live=polite]')).toHaveText('2.00\u00a0s: 82\u00a0%');
  await page.getByLabel('Theme').selectOption('dark');
  await expect(chart.locator('.chart-reading')).toHaveText('2.00\u00a0s: 82\u00a0%');
  await chart.getByRole('group').press('ArrowLeft');
  await expect(chart.locator('[aria-live=polite]')).toHaveText('1.00\u00a0s: 81\u00a0%');
});

test('nothing moves when data arrives', async ({ page, bpd }) => {
  await fill(bpd);
  await page.addInitScript(() => {
    Object.assign(window, { shift: 0 });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { value } = entry as unknown as { value: number };
        (window as unknown as { shift: number }).shift += value;
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await enter(page, bpd);
  await settled(page);
  await expect(page.locator('footer')).toContainText('bp itself this week');
  expect(await page.evaluate(() => (window as unknown as { shift: number }).shift)).toBeLessThan(0.02);
});
