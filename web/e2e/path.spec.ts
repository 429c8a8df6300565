import { curve, enter, expect, isLive, rowOf, test } from './page';

test('a recorded command appears without a reload, is opened, and is compared with its earlier self', async ({
  page,
  bpd,
}) => {
  await enter(page, bpd);
  await expect(page.getByRole('heading', { name: 'No runs yet' })).toBeVisible();
  await expect(page.getByText('eval "$(bpctl init bash)"')).toBeVisible();
  await page.evaluate(() => Object.assign(window, { notReloaded: true }));

  const burn = ['sh', '-c', 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'];
  await bpd.record(...burn);
  await expect(rowOf(page, 'while')).toContainText('ok');
  await bpd.record(...burn);
  await expect(page.locator('.run-row[data-run]')).toHaveCount(2);

  await rowOf(page, 'while').getByRole('link').click();
  await expect(page).toHaveURL(/#\/runs\/2$/);
  await expect(page.getByRole('heading', { name: 'Run 2' })).toBeVisible();
  await expect(page.locator('.figures')).toContainText('CPU time');
  await expect(page.locator('.quality')).toContainText(/totals/i);
  await expect(page.locator('.whole-command')).toContainText('while [ $i -lt 300000 ]');

  await page.getByRole('link', { name: 'Compare with the latest success' }).click();
  await expect(page.locator('.verdict')).toContainText(/similar|no clear|slower|faster/i);
  await expect(page.getByRole('row', { name: /^Duration/ })).toBeVisible();
  await expect(page.locator('.pair')).toContainText('Run 1');
  expect(await page.evaluate(() => 'notReloaded' in window)).toBe(true);
});

test('a running command is on top with its time counting, and moves down when it has ended', async ({ page, bpd }) => {
  await enter(page, bpd);
  const command = bpd.begin();
  const running = page.locator('.running-row');
  await expect(running).toContainText('cat');
  await expect(running).toContainText('running');
  await expect(running.locator('.cell-duration')).toHaveText(/^0:0[1-9]/);
  await running.getByRole('link').click();
  await expect(page.locator('.status-running')).toBeVisible();
  await command.release();
  await expect(page.locator('.run-line .status-success')).toBeVisible();
  await page.goBack();
  await expect(page.locator('.running-row')).toHaveCount(0);
  await expect(rowOf(page, 'cat')).toContainText('ok');
});

test('curves are zoomed by dragging, the zoom is in the address, and can be undone', async ({ page, bpd }) => {
  const id = await bpd.post('maestro test', curve(60));
  await enter(page, bpd, `/runs/${id}`);
  await expect(page.locator('figure.chart')).toHaveCount(2);
  await expect(page.locator('figure.chart').first()).toContainText('highest 94\u00a0%');
  const plot = await page.locator('.chart .u-over').first().boundingBox();
  if (!plot) throw new Error('no chart was drawn');
  await page.mouse.move(plot.x + plot.width * 0.25, plot.y + 50);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.5, plot.y + 60, { steps: 5 });
  await page.mouse.up();
  await expect(page).toHaveURL(/zoom=1[3-6][\d.]*-(29|30)/);

  await page.reload();
  await expect(page.getByText(/^Showing/)).toBeVisible();
  await page.getByRole('button', { name: 'Reset zoom' }).click();
  await expect(page).not.toHaveURL(/zoom/);
});

test('a very short run shows its totals and no curve', async ({ page, bpd }) => {
  // On a busy machine even `true` may live long enough to be sampled twice.
  await expect(async () => {
    const run = await bpd.record('true');
    expect(run.run_stats?.samples).toBeLessThan(2);
  }).toPass();
  await enter(page, bpd, '/runs/latest');
  await expect(page.locator('.quality')).toContainText('no curve');
  await expect(page.locator('figure.chart')).toHaveCount(0);
});

test('two runs are overlaid by time, percent or work, and the address says which', async ({ page, bpd }) => {
  const first = await bpd.post('maestro test', curve(40, 60));
  const second = await bpd.post('maestro test', curve(60, 90));
  await enter(page, bpd, `/compare?a=${second}&b=${first}`);
  await expect(page.locator('figure.chart')).toHaveCount(2);
  await expect(page.locator('.chart-key').first()).toContainText(`A · Run ${second}`);
  await page.getByRole('radio', { name: 'Work' }).check();
  await expect(page).toHaveURL(/align=work/);
  await expect(page.getByRole('radio', { name: 'Work' })).toBeChecked();
  await page.reload();
  await expect(page.getByRole('radio', { name: 'Work' })).toBeChecked();
  // bpd judges the run that started later, in whatever order the two are named, and says so.
  await expect(page.getByText('the two were swapped')).toHaveCount(0);
  await enter(page, bpd, `/compare?a=${first}&b=${second}`);
  await expect(page.locator('.run-card-a')).toContainText(`Run ${second}`);
  await expect(page.getByText(`Run ${first} started before run ${second}: the two were swapped.`)).toBeVisible();
});

test('a run with nothing before it says what is missing', async ({ page, bpd }) => {
  const id = await bpd.post('once', curve(5));
  await enter(page, bpd, `/compare?a=${id}&b=latest-success`);
  await expect(page.getByRole('heading', { name: 'There is nothing to compare with yet' })).toBeVisible();
  await enter(page, bpd, '/compare?a=999&b=1');
  await expect(page.getByRole('heading', { name: 'This could not be shown' })).toBeVisible();
});

test('tags and a note are kept, and a deletion asks first', async ({ page, bpd }) => {
  const id = await bpd.post('make', curve(5));
  await enter(page, bpd, `/runs/${id}`);
  await page.getByRole('button', { name: 'Edit tags and note' }).click();
  await page.getByRole('textbox', { name: 'Tags' }).fill('nightly, release');
  await page.getByRole('textbox', { name: 'Note' }).fill('<b>after</b> the upgrade');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('.labels .tag')).toHaveText(['nightly', 'release']);
  await expect(page.locator('.note')).toHaveText('<b>after</b> the upgrade');
  expect((await bpd.runs())[0]).toMatchObject({ tags: ['nightly', 'release'], note: '<b>after</b> the upgrade' });

  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  expect(await bpd.runs()).toHaveLength(1);
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByRole('heading', { name: 'No runs yet' })).toBeVisible();
  expect(await bpd.runs()).toEqual([]);
});

test('without bpd the page says so, and afterwards shows what it missed', async ({ page, bpd }) => {
  await bpd.post('before', curve(5));
  await enter(page, bpd);
  await expect(rowOf(page, 'before')).toBeVisible();
  await bpd.down();
  await expect(page.getByRole('alert')).toContainText('bpctl daemon start');
  await expect(rowOf(page, 'before')).toBeVisible();
  await bpd.up();
  await bpd.post('meanwhile', curve(5));
  await expect(rowOf(page, 'meanwhile')).toBeVisible({ timeout: 40_000 });
  await isLive(page);
  await expect(page.getByRole('alert')).toHaveCount(0);
});
