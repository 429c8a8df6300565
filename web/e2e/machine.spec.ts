import AxeBuilder from '@axe-core/playwright';
import { enter, expect, test } from './page';

/** Long enough for a curve with two readings of the machine, and with something in every group of figures. */
const WORK = [
  'sh',
  '-c',
  'dd if=/dev/zero of="$BP_HOME/work" bs=64k count=64 conv=fsync 2>/dev/null; sleep 1; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done',
];

test('a run shows what it did besides burning CPU, and the machine behind its curve', async ({ page, bpd }) => {
  await bpd.record(...WORK);
  await enter(page, bpd, '/runs/1');
  const details = page.locator('.details');
  await expect(details.getByRole('heading', { name: 'Page faults' })).toBeVisible();
  await expect(details).toContainText('Minor');
  await expect(details.getByRole('region', { name: 'Disk' })).toContainText(/Written4(\.\d)?\sMiB/);
  await expect(details.getByRole('region', { name: 'The machine meanwhile' })).toContainText('CPU in use');
  const cpu = page.locator('figure.chart').first();
  await expect(cpu.locator('.chart-key')).toContainText('Whole machine (full height = all CPUs)');
  await cpu.locator('.chart-canvas').press('End');
  await expect(cpu.locator('.chart-reading')).toContainText(/This run .* Whole machine \d/);
  await expect(page.locator('figure.chart').nth(1).locator('.chart-key')).toHaveCount(0);
});

test('the band is as high as the machine was busy, whatever the curve is scaled to', async ({ page, bpd }) => {
  await bpd.record(...WORK);
  await page.route('**/runs/1/samples*', async (route) => {
    const answer = await route.fetch();
    const points = (await answer.json()) as Array<{ host_cpu_percent?: number }>;
    const half = points.map((point, at) => ({ ...point, host_cpu_percent: at < points.length / 2 ? 25 : 75 }));
    await route.fulfill({ response: answer, json: half });
  });
  await enter(page, bpd, '/runs/1');
  const plot = page.locator('figure.chart').first().locator('canvas');
  await expect(plot).toBeVisible();
  // The colour of the band's edge, looked for downwards near the right end of the plot.
  const height = () =>
    plot.evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no canvas');
      const over = canvas.parentElement?.querySelector('.u-over') as HTMLElement;
      const ratio = canvas.width / canvas.clientWidth;
      const x = Math.round((over.offsetLeft + over.clientWidth * 0.97) * ratio);
      const whole = Math.round(over.clientHeight * ratio);
      const column = context.getImageData(x, Math.round(over.offsetTop * ratio), 1, whole).data;
      for (let y = 2; y < whole; y += 1) {
        // Opaque enough to be the edge, and grey: neither the grid nor the curve.
        const [r = 0, g = 0, b = 0, a = 0] = column.slice(y * 4, y * 4 + 4);
        if (a > 120 && Math.abs(r - 0xa9) < 40 && Math.abs(g - 0xb0) < 40 && Math.abs(b - 0xb8) < 40) return 1 - y / whole;
      }
      return 0;
    });
  await expect.poll(height).toBeCloseTo(0.75, 1);
  // The page may be asking again just now, and bpd ends with the test.
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test('the machine and the quieter figures hold in both themes and at 360 px', async ({ page, bpd }) => {
  await bpd.record(...WORK);
  await page.setViewportSize({ width: 360, height: 740 });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await enter(page, bpd, '/runs/1');
    await expect(page.locator('.chart-key')).toBeVisible();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide).toBeLessThanOrEqual(360);
    const found = await new AxeBuilder({ page }).include('main').analyze();
    expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
  }
});

test('a comparison shows the new figures where both runs know them', async ({ page, bpd }) => {
  await bpd.record('sh', '-c', 'true; true');
  await bpd.record('sh', '-c', 'true; true');
  await enter(page, bpd, '/compare?a=2&b=1');
  await expect(page.getByRole('row', { name: /^Minor page faults/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /^CPU pressure/ })).toHaveCount(0);
});
