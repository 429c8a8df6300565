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

  test('is shown to who asks for its actor, which the address keeps', async ({ page, bpd }) => {
    await enter(page, bpd, '/alerts');
    const person = await bpd.burn();
    const alerts = page.locator('.alert');
    const by = page.getByRole('combobox', { name: 'By' });
    await expect(alerts).toHaveCount(1);
    await by.selectOption('agent');
    await expect(page).toHaveURL(/#\/alerts\?actor=agent$/);
    await expect(page.getByRole('heading', { name: 'No alert matches this filter' })).toBeVisible();

    // What fires while one looks is told to who asked for it.
    const agent = await bpd.burn('agent:x');
    await expect(alerts).toHaveCount(1);
    await expect(alerts).toContainText('agent x');
    await page.reload();
    await expect(by).toHaveValue('agent');
    await expect(alerts).toHaveCount(1);
    await agent.release();
    await expect(page.locator('.alert-firing')).toHaveCount(0);
    await expect(alerts).toContainText('agent x');

    await by.selectOption('ci');
    await expect(alerts).toHaveCount(0);
    await page.getByRole('link', { name: 'Show all alerts' }).click();
    await expect(alerts).toHaveCount(2);
    await expect(by).toHaveValue('');
    await person.release();
    await expect(page.locator('.alert-firing')).toHaveCount(0);
  });
});
