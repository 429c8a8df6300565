import { curve, enter, expect, rowOf, test } from './page';
import { aRun } from '../tests/fixtures';

test('the filter is the search language, is in the address, and says when nothing matches', async ({ page, bpd }) => {
  await bpd.post('make all', curve(3));
  await bpd.post('cargo test', curve(3), 101);
  await enter(page, bpd);
  const rows = page.locator('.run-row[data-run]');
  await expect(rows).toHaveCount(2);
  const filter = page.getByRole('searchbox');
  await filter.fill('exit:101');
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText('cargo test');
  await expect(page).toHaveURL(/q=exit:101/);

  await page.reload();
  await expect(filter).toHaveValue('exit:101');
  await expect(rows).toHaveCount(1);

  await filter.fill('nothing-like-this');
  await expect(page.getByRole('heading', { name: 'No run matches this filter' })).toBeVisible();
  await page.getByRole('link', { name: 'Clear the filter' }).click();
  await expect(rows).toHaveCount(2);
  await expect(filter).toHaveValue('');

  await filter.fill('exit:soon');
  await expect(page.getByRole('status').filter({ hasText: 'This filter cannot be read' })).toBeVisible();
});

test('the list is used by keyboard alone', async ({ page, bpd }) => {
  for (const command of ['one', 'two', 'three']) await bpd.post(command, curve(3));
  await enter(page, bpd);
  await expect(page.locator('.run-row[data-run]')).toHaveCount(3);
  const focused = () => page.evaluate(() => document.activeElement?.closest('[data-run]')?.getAttribute('data-run'));

  await page.keyboard.press('j');
  await expect.poll(focused).toBe('3');
  await page.keyboard.press('j');
  await expect.poll(focused).toBe('2');
  await page.keyboard.press('x');
  await expect(page).toHaveURL(/sel=2/);
  for (const key of 'jkk') await page.keyboard.press(key);
  await expect.poll(focused).toBe('3');
  await page.keyboard.press('x');
  await page.keyboard.press('c');
  await expect(page).toHaveURL(/#\/compare\?a=3&b=2/);
  await page.goBack();
  await expect(page.locator('.run-row input:checked')).toHaveCount(2);

  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.type('xjk');
  await expect(page.getByRole('searchbox')).toHaveValue('xjk');
  await page.getByRole('searchbox').fill('');
  await page.keyboard.press('Escape');
  await expect(page.locator('.run-row[data-run]')).toHaveCount(3);
  await page.keyboard.press('j');
  await expect.poll(focused).toBeTruthy();
  const id = await focused();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`#/runs/${id}$`));
});

test('single-key shortcuts can be switched off', async ({ page, bpd }) => {
  await bpd.post('one', curve(3));
  await enter(page, bpd);
  await page.getByText('Keys', { exact: true }).click();
  await page.getByLabel('Single-key shortcuts').uncheck();
  await page.keyboard.press('j');
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox')).not.toBeFocused();
  expect(await page.evaluate(() => document.activeElement?.closest('[data-run]'))).toBeNull();
});

test('older runs come by the page, and new ones wait while someone reads below', async ({ page, bpd }) => {
  for (let n = 1; n <= 60; n += 1) await bpd.post(`job ${n}`, []);
  await enter(page, bpd);
  await expect(page.getByText('50 runs shown.')).toBeVisible();
  const older = page.getByRole('button', { name: 'Show older runs' });
  // News of the runs just posted may move the button between the pressing and the letting go.
  await expect(async () => {
    if (await older.isVisible()) await older.click();
    await expect(page.getByText('60 runs shown.')).toBeVisible({ timeout: 2000 });
  }).toPass();
  await page.keyboard.press('End');
  await expect(rowOf(page, 'job 1')).toBeVisible();
  const where = () => page.evaluate(() => [scrollY, document.documentElement.scrollHeight]);
  // The End key scrolls smoothly; this is its end.
  await expect.poll(() => page.evaluate(() => scrollY + innerHeight >= document.documentElement.scrollHeight - 1)).toBe(true);
  const before = await where();
  await bpd.post('the newest', []);
  const waiting = page.getByRole('button', { name: '1 new run' });
  await expect(waiting).toBeVisible();
  expect(await where()).toEqual(before);
  await waiting.click();
  await expect(rowOf(page, 'the newest')).toBeInViewport();
});

test('ten thousand rows are as many elements as fit the window', async ({ page, bpd }) => {
  const started = Date.parse('2026-11-20T10:00:00Z');
  const runs = Array.from({ length: 10_000 }, (_, index) =>
    aRun({ id: 10_000 - index, started_at: new Date(started - index * 60_000).toISOString() }),
  );
  await page.route(/\/runs\?/, (route) =>
    route.fulfill({ json: route.request().url().includes('state=running') ? [] : runs }),
  );
  await enter(page, bpd);
  await expect(page.getByText('10,000 runs shown.')).toBeVisible();
  const elements = () => page.evaluate(() => document.querySelectorAll('*').length);
  expect(await elements()).toBeLessThan(3000);
  await page.keyboard.press('End');
  await expect(page.locator('[data-run="1"]')).toBeVisible();
  expect(await elements()).toBeLessThan(3000);
});

test('the list is of people, agents or CI, which the address keeps', async ({ page, bpd }) => {
  await bpd.post('make all', curve(3));
  await bpd.post('make agent', curve(3), 0, 'agent:claude-code');
  await bpd.post('make ci', curve(3), 0, 'ci');
  await enter(page, bpd);
  const rows = page.locator('.run-row[data-run]');
  const filter = page.getByRole('searchbox');
  const by = page.getByRole('combobox', { name: 'By' });
  await expect(rows).toHaveCount(3);
  await by.selectOption('ci');
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText('make ci');
  await expect(page).toHaveURL(/q=actor:ci/);
  await expect(filter).toHaveValue('actor:ci');

  await page.reload();
  await expect(by).toHaveValue('ci');
  await expect(rows).toHaveCount(1);
  await filter.fill('make actor:agent:claude-code');
  await expect(by).toHaveValue('agent:claude-code');
  await expect(rows).toContainText('make agent');
  await by.selectOption('agent');
  await expect(filter).toHaveValue('make actor:agent');
  await expect(rows).toHaveCount(1);
  await page.goBack();
  await expect(by).toHaveValue('agent:claude-code');
  await by.selectOption('');
  await expect(filter).toHaveValue('make');
  await expect(rows).toHaveCount(3);
});
