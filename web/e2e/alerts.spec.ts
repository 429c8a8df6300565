import { enter, expect, test } from './page';

test('no alerts is said as it is', async ({ page, bpd }) => {
  await enter(page, bpd, '/alerts');
  await expect(page.getByRole('heading', { name: 'No alerts' })).toBeVisible();
});

test.describe('a run that burns', () => {
  test.use({ config: '[alerts.desktop]\nenabled = false\n\n[alerts.cpu_high]\nthreshold = 5\nwindow_s = 0.5\n' });

  test('fires on the page without a reload, leads to its run, and ends with it', async ({ page, bpd }) => {
    await enter(page, bpd, '/alerts');
    await expect(page.getByRole('heading', { name: 'No alerts' })).toBeVisible();
    const command = await bpd.burn();
    const alert = page.locator('.alert-firing');
    await expect(alert).toContainText('cpu-high');
    await expect(page.locator('nav .badge')).toContainText('1');
    await alert.getByRole('link').click();
    await expect(page).toHaveURL(/#\/runs\/1$/);
    await expect(page.locator('.status-running')).toBeVisible();
    await expect(page.locator('figure.chart')).toHaveCount(2);

    await command.release();
    await page.getByRole('link', { name: 'Alerts' }).click();
    await expect(page.getByRole('heading', { name: 'Ended' })).toBeVisible();
    await expect(page.locator('.alert-firing')).toHaveCount(0);
    await expect(page.locator('nav .badge')).toHaveCount(0);
  });
});
