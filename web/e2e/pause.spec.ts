import AxeBuilder from '@axe-core/playwright';
import { enter, expect, test } from './page';

test('the page says that recording is paused, until when and where, and stops saying so', async ({ page, bpd }) => {
  await bpd.bpctl('pause', '--all', '2h');
  await enter(page, bpd);
  const badge = page.locator('.pause');
  await expect(badge).toContainText(/^Paused until (\d|\w)+.*:\d\d in every shell$/);
  await bpd.bpctl('pause', '--all');
  await expect(badge).toHaveText('Recording paused in every shell');
  await page.getByRole('combobox', { name: 'Language' }).selectOption('tr');
  await expect(badge).toHaveText('Kayıt duraklatıldı bütün kabuklarda');
  await bpd.bpctl('resume', '--all');
  await expect(badge).toHaveCount(0);
});

test('a pause that is over is not told any more, without a word from bpd', async ({ page, bpd }) => {
  await page.clock.install();
  await enter(page, bpd);
  const badge = page.locator('.pause');
  await bpd.bpctl('pause', '--all', '1h');
  await page.clock.runFor(1000);
  await expect(badge).toContainText('Paused until');
  await page.route('**/detailed', (asked) => asked.abort());
  await page.clock.runFor('50:00');
  await expect(badge).toContainText('Paused until');
  await page.clock.runFor('11:00');
  await expect(badge).toHaveCount(0);
});

test('the stream tells of a pause: while none is shown, nothing asks for one', async ({ page, bpd }) => {
  await page.clock.install();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await enter(page, bpd);
  await page.clock.runFor(1000);
  asked.length = 0;
  await page.clock.runFor('00:45');
  expect(asked.filter((path) => path.endsWith('/detailed'))).toEqual([]);
  await bpd.bpctl('pause', '--all');
  await page.clock.runFor(1000);
  await expect(page.locator('.pause')).toBeVisible();
});

for (const [colorScheme, width, language] of [
  ['light', 1280, 'en'],
  ['dark', 1280, 'tr'],
  ['light', 360, 'tr'],
  ['dark', 360, 'en'],
] as const) {
  test(`the badge has room and contrast, ${colorScheme}, ${width} px, ${language}`, async ({ page, bpd }, info) => {
    await page.setViewportSize({ width, height: 740 });
    await page.emulateMedia({ colorScheme });
    await bpd.post('make all', [[90, 100], [91, 101]]);
    await bpd.bpctl('pause', '--all', '30m');
    await enter(page, bpd);
    await page.locator('.settings select').first().selectOption(language);
    await expect(page.locator('.pause')).toBeVisible();
    const found = await new AxeBuilder({ page }).analyze();
    expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
    // Nothing is pushed out of the window.
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    // To be looked at.
    await page.screenshot({ path: info.outputPath('page.png') });
  });
}
