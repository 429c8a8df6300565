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
  // Over by itself, without a word from bpd.
  await bpd.bpctl('pause', '--all', '30s');
  await expect(badge).toContainText('saatine dek duraklatıldı');
  await page.route('**/detailed', (asked) => asked.abort());
  await expect(badge).toHaveCount(0, { timeout: 60_000 });
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
