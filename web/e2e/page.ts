/** The page as tests open it: with a bpd of its own, and with every breach of the policy counted. */
import { type Page, expect, test as base } from '@playwright/test';
import { Bpd } from './bpd';

interface Fixtures {
  /** The text of bpd's config.toml. */
  config: string;
  bpd: Bpd;
  /** What went wrong in the page: policy breaches, script errors. Checked to be empty at each test's end. */
  faults: string[];
}

export const test = base.extend<Fixtures>({
  config: ['', { option: true }],

  bpd: async ({ config }, use) => {
    const bpd = await Bpd.start(config);
    await use(bpd);
    await bpd.end();
  },

  faults: [
    async ({ page }, use) => {
      const faults: string[] = [];
      await page.exposeFunction('bpFault', (fault: string) => faults.push(fault));
      await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
          (window as unknown as { bpFault: (fault: string) => void }).bpFault(
            `policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`,
          );
        });
      });
      page.on('pageerror', (error) => faults.push(`script: ${error.message}`));
      await use(faults);
      expect(faults).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Opens a view with a fresh session and waits until the stream is live. */
export async function enter(page: Page, bpd: Bpd, view?: string): Promise<void> {
  await page.goto(await bpd.invitation(view));
  await isLive(page);
}

export async function isLive(page: Page): Promise<void> {
  await expect(page.locator('.connection-live')).toBeAttached();
}

/** The row of the first run whose command has `text` in it. */
export function rowOf(page: Page, text: string) {
  return page.locator('.run-row[data-run]').filter({ hasText: text }).first();
}

/** A curve of `n` seconds, for posted runs. */
export function curve(n: number, cpu = 90): Array<readonly [number, number]> {
  return Array.from({ length: n }, (_, index) => [cpu + (index % 5), 100 + index] as const);
}
