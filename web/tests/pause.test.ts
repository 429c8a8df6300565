import { describe, expect, it } from 'vitest';
import { formatClock } from '../src/format';
import { nextChange, pauseNote } from '../src/pause';

const NOW = Date.parse('2026-11-20T12:00:00.000Z');
const at = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();

describe('a pause', () => {
  it('is not told of when none is on', () => {
    expect(pauseNote([], NOW)).toBeNull();
    expect(pauseNote([{ shell: null, until: at(0) }, { shell: 7, until: at(-5) }], NOW)).toBeNull();
  });

  it('of some shells tells how many, and until when the last of them lasts', () => {
    const two = [{ shell: 7, until: at(10) }, { shell: 8, until: at(30) }];
    expect(pauseNote(two, NOW)).toEqual({ shells: 2, until: NOW + 30 * 60_000 });
    expect(pauseNote([...two, { shell: 9, until: null }], NOW)).toEqual({ shells: 3, until: null });
    expect(pauseNote(two, NOW + 20 * 60_000)).toEqual({ shells: 1, until: NOW + 30 * 60_000 });
  });

  it('of every shell hides those of single ones', () => {
    const both = [{ shell: 7, until: null }, { shell: null, until: at(10) }];
    expect(pauseNote(both, NOW)).toEqual({ shells: 'all', until: NOW + 10 * 60_000 });
    expect(pauseNote(both, NOW + 11 * 60_000)).toEqual({ shells: 1, until: null });
  });

  it('changes by itself when the next one is over', () => {
    expect(nextChange([{ shell: 7, until: at(10) }, { shell: null, until: at(5) }], NOW)).toBe(5 * 60_000);
    expect(nextChange([{ shell: 7, until: null }, { shell: null, until: at(-5) }], NOW)).toBeNull();
  });

  it('ends at a time of day, or on another day', () => {
    expect(formatClock(NOW, NOW, 'tr')).toMatch(/^\d\d:\d\d$/);
    expect(formatClock(NOW + 3 * 86_400_000, NOW, 'en')).toMatch(/23|Nov/);
  });
});
