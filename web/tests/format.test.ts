import { describe, expect, it } from 'vitest';
import {
  baseName,
  formatBytes,
  formatChange,
  formatDuration,
  formatElapsed,
  formatMemory,
  formatPercent,
  formatRelative,
  formatShare,
  middleSplit,
} from '../src/format';

/** Units stand behind a no-break space; here it reads as a plain one. */
const plain = (text: string) => text.replace(/\u00a0/g, ' ');

describe('durations', () => {
  it.each([
    [0, '0 ms', '0 ms'],
    [0.0032, '3.2 ms', '3,2 ms'],
    [0.048, '48 ms', '48 ms'],
    [0.9996, '1.00 s', '1,00 sn'],
    [3.2, '3.20 s', '3,20 sn'],
    [12.44, '12.4 s', '12,4 sn'],
    [59.96, '1 min', '1 dk'],
    [64, '1 min 4 s', '1 dk 4 sn'],
    [3840, '1 h 4 min', '1 sa 4 dk'],
    [90_000, '1 d 1 h', '1 g 1 sa'],
  ])('%f s', (seconds, en, tr) => {
    expect(plain(formatDuration(seconds, 'en'))).toBe(en);
    expect(plain(formatDuration(seconds, 'tr'))).toBe(tr);
  });

  it('are a dash when unknown', () => {
    expect(formatDuration(null, 'en')).toBe('–');
  });

  it('count up without changing their width within a minute', () => {
    expect([7, 75, 3723].map(formatElapsed)).toEqual(['0:07', '1:15', '1:02:03']);
    expect(formatElapsed(-3)).toBe('0:00');
  });
});

describe('percentages', () => {
  it('stand before the number in Turkish', () => {
    expect(formatPercent(80, 'tr')).toBe('%80');
    expect(formatPercent(80, 'en')).toBe('80\u00a0%');
    expect(formatPercent(2.44, 'tr')).toBe('%2,4');
  });

  it('say their sign when they are a change', () => {
    expect(plain(formatChange(0.38, 'en'))).toBe('+38 %');
    expect(plain(formatChange(-0.12, 'en'))).toBe('−12 %');
    expect(plain(formatChange(0.0123, 'en'))).toBe('+1.2 %');
    expect(plain(formatChange(-0.0001, 'en'))).toBe('0 %');
    expect(formatChange(-0.12, 'tr')).toBe('−%12');
    expect(formatChange(null, 'en')).toBe('–');
  });
});

describe('sizes', () => {
  it('grow from MiB to GiB and use the decimal comma in Turkish', () => {
    expect(plain(formatMemory(12.44, 'tr'))).toBe('12,4 MiB');
    expect(plain(formatMemory(230.5, 'en'))).toBe('231 MiB');
    expect(plain(formatMemory(1434, 'en'))).toBe('1.4 GiB');
    expect(plain(formatBytes(3_250_585, 'en'))).toBe('3.1 MiB');
    expect(plain(formatBytes(512, 'en'))).toBe('512 B');
  });
});

describe('times', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  it('are relative within a week and dates beyond', () => {
    expect(formatRelative(now - 5_000, now, 'en')).toBe('now');
    expect(formatRelative(now - 180_000, now, 'tr')).toBe('3 dk. önce');
    expect(formatRelative(now - 7_200_000, now, 'en')).toMatch(/2 h/);
    expect(formatRelative(now - 30 * 86_400_000, now, 'en')).toBe('21 Oct 2026');
  });

  it('of a clock that went back are now, not in the future', () => {
    expect(formatRelative(now + 5_000, now, 'en')).toBe('now');
  });
});

describe('texts', () => {
  it('are split so that both ends stay', () => {
    expect(middleSplit('make')).toEqual(['make', '']);
    const [head, tail] = middleSplit('cargo test --workspace --all-features -- exact_name');
    expect(head + tail).toBe('cargo test --workspace --all-features -- exact_name');
    expect(tail).toHaveLength(16);
  });

  it('are not cut within a character', () => {
    const [head, tail] = middleSplit('a'.repeat(30) + '👩'.repeat(16));
    expect(head).toBe('a'.repeat(30));
    expect(tail).toBe('👩'.repeat(16));
  });

  it('of a path are its last part', () => {
    expect(['/home/a/shop', '/home/a/shop/', '/'].map(baseName)).toEqual(['shop', 'shop', '/']);
  });
});

describe('a share of the whole', () => {
  it('is never 0 % where there is some, and nothing where it says nothing', () => {
    expect(formatShare(1, 1000, 'en')).toBe('0.1\u00a0%');
    expect(formatShare(1, 1e9, 'en')).toBe('< 0.01\u00a0%');
    expect(formatShare(1, 1e9, 'tr')).toBe('< %0,01');
    expect(formatShare(20, 1, 'en')).toBeNull();
    expect(formatShare(1, 0, 'en')).toBeNull();
  });
});
