import { curve, enter, expect, isLive, test } from './page';

test('without a session the page shows nothing and says how to get one', async ({ page, bpd }) => {
  await bpd.post('secret plan', curve(3));
  await page.goto(`${bpd.origin}/`);
  await expect(page.getByRole('heading', { name: 'This page needs a session' })).toBeVisible();
  await expect(page.getByText('bpctl open', { exact: true })).toBeVisible();
  await expect(page.locator('body')).not.toContainText('secret plan');

  await page.getByLabel('One-time code').fill('AAAA-BBBB-CCCC');
  await page.getByRole('button', { name: 'Open' }).click();
  await expect(page.getByRole('alert')).toContainText('was not accepted');

  const code = new URL(await bpd.invitation()).hash.replace('#code=', '');
  await page.getByLabel('One-time code').fill(` ${code.toLowerCase()} `);
  await page.getByRole('button', { name: 'Open' }).click();
  await isLive(page);
  await expect(page.locator('body')).toContainText('secret plan');
});

test('a code typed by hand leads to the view that was asked for', async ({ page, bpd }) => {
  await bpd.post('first', curve(3));
  await bpd.post('second', curve(3));
  await page.goto(`${bpd.origin}/#/runs/1`);
  await expect(page.getByRole('heading', { name: 'This page needs a session' })).toBeVisible();
  await page.getByLabel('One-time code').fill('AAAA-BBBB-CCCC');
  await page.getByRole('button', { name: 'Open' }).click();
  await expect(page.getByRole('alert')).toContainText('was not accepted');
  await page.getByLabel('One-time code').fill(new URL(await bpd.invitation()).hash.replace('#code=', ''));
  await page.getByRole('button', { name: 'Open' }).click();
  await isLive(page);
  await expect(page).toHaveURL(`${bpd.origin}/#/runs/1`);
  await expect(page.locator('.whole-command')).toContainText('first');
});

test('the code leaves the address at once and works only once', async ({ page, bpd, browser }) => {
  const invitation = await bpd.invitation('/alerts');
  await page.goto(invitation);
  await expect(page).toHaveURL(`${bpd.origin}/#/alerts`);
  await isLive(page);
  await page.reload();
  await isLive(page);

  const stranger = await browser.newPage();
  await stranger.goto(invitation);
  await expect(stranger.getByRole('alert')).toContainText('was not accepted');
  await stranger.close();
});

test('a session outlives bpd’s restart', async ({ page, bpd }) => {
  await enter(page, bpd);
  await bpd.down();
  await bpd.up();
  await page.reload();
  await isLive(page);
});
