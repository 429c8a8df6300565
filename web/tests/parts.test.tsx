import { render } from 'preact';
import { act } from 'preact/test-utils';
import { beforeEach, describe, expect, it } from 'vitest';
import { mergeAlerts } from '../src/alerts';
import { Refused } from '../src/api';
import { deliveryOf } from '../src/pages/alerts';
import { CommandText, Status } from '../src/parts/basics';
import { qualitySentence } from '../src/parts/curves';
import { orderMetrics } from '../src/parts/deltas';
import { parseTags } from '../src/parts/runedit';
import { Children, childrenOf } from '../src/parts/children';
import { Details } from '../src/parts/runfacts';
import { FinishedRow } from '../src/parts/runrows';
import { sparkPath } from '../src/parts/spark';
import { preferredLang, setLang } from '../src/prefs';
import { refusalText } from '../src/speech';
import type { RunStats } from '../src/wire';
import { aRun, anAlert } from './fixtures';

let host: HTMLElement;
beforeEach(() => {
  host = document.createElement('div');
  setLang('en');
});

describe('a row', () => {
  const show = (run = aRun()) =>
    render(<FinishedRow run={run} index={0} selected={false} onSelect={() => {}} now={0} />, host);

  it('shows what was typed as text, whatever it is', () => {
    show(aRun({ command: '<img src=x onerror=alert(1)> && echo "</span>"' }));
    expect(host.querySelector('img')).toBeNull();
    expect(host.querySelector('a')?.textContent).toBe('<img src=x onerror=alert(1)> && echo "</span>"');
  });

  it('says that a command was hidden', () => {
    show(aRun({ command: null }));
    expect(host.querySelector('a')?.textContent).toBe('(hidden command)');
  });

  it('speaks the language that is set, at once', async () => {
    show();
    expect(host.querySelector('.cell-memory')?.textContent).toBe('290\u00a0MiB');
    expect(host.querySelector('.status')?.textContent).toContain('ok');
    await act(() => setLang('tr'));
    expect(host.querySelector('.status')?.textContent).toContain('tamam');
    expect(host.querySelector('.cell-duration')?.textContent).toBe('10,0\u00a0sn');
  });
});

describe('a peak of memory in a row', () => {
  const shown = (stats: Partial<RunStats>) => {
    const run = aRun({ stats });
    render(<FinishedRow run={run} index={0} selected={false} onSelect={() => {}} now={0} />, host);
    return host.querySelector('.cell-memory')?.textContent;
  };

  it('is marked where it may have been higher, and only there', () => {
    expect(shown({ peak_lower_bound: true })).toBe('≥ 290\u00a0MiB');
    expect(shown({ peak_lower_bound: false })).toBe('290\u00a0MiB');
    expect(shown({ peak_lower_bound: true, rss_max_mb: null })).toBe('–');
  });
});

describe('the quieter figures', () => {
  it('are in groups, and what is not known is not there', () => {
    const { run_stats } = aRun({ stats: { read_mb: 0.5, written_mb: 0, minor_faults: 12_345, pressure_io: 3.2 } });
    render(run_stats && <Details stats={run_stats} />, host);
    expect([...host.querySelectorAll('h3')].map((title) => title.textContent)).toEqual([
      'Disk', 'Page faults', 'The machine meanwhile',
    ]);
    expect([...host.querySelectorAll('dd')].map((value) => value.textContent)).toEqual([
      '512\u00a0KiB', '0\u00a0B', '12,345', '3.2\u00a0%',
    ]);
    render(<Details stats={{ ...aRun().run_stats! }} />, host);
    expect(host.textContent).toBe('');
  });
});

describe('a status', () => {
  it.each([
    [{}, '✓ok'],
    [{ exit_code: 101 }, '✗exit 101'],
    [{ exit_code: 137, signal: 9 }, '↯signal 9'],
    [{ imported: true, exit_code: null }, '–ended'],
    [{ state: 'left', exit_code: 7 }, '⏏left'],
    [{ state: 'stopped', exit_code: null }, '‖stopped'],
    [{ state: 'background', exit_code: null }, '&background'],
    [{ state: 'lost', exit_code: null }, '?lost'],
    [{ state: 'running', exit_code: null }, '●running'],
  ] as const)('%o is a mark and a word', (given, text) => {
    render(<Status run={aRun(given)} />, host);
    expect(host.textContent).toBe(text);
  });
});

describe('the delivery of an alert', () => {
  it.each([
    [null, 'not announced yet'],
    ['desktop', 'announced on the desktop'],
    ['no-server', 'not announced: no desktop to show it on'],
    ['no-answer', 'not announced: the desktop did not answer'],
    ['carrier-pigeon', 'carrier-pigeon'],
  ])('%s is said in words, if they are known', (delivery, text) => expect(deliveryOf(delivery)).toBe(text));
});

describe('a command', () => {
  it('of several lines is one line in a list', () => {
    render(<CommandText run={{ command: 'for i in 1 2\n  do echo $i\n\tdone' }} />, host);
    expect(host.textContent).toBe('for i in 1 2 do echo $i done');
  });
});

describe('how far figures can be trusted', () => {
  const sentence = (stats: object, running = false) => {
    const { run_stats } = aRun({ stats });
    return run_stats ? qualitySentence(run_stats, running) : '';
  };

  it('is said in one sentence', () => {
    expect(sentence({ samples: 41 })).toBe('Exact totals; curve from 41 samples.');
    expect(sentence({ samples: 2, quality: 'ticks', peak_lower_bound: true })).toBe(
      'Totals from clock ticks, to 10 ms; curve from 2 samples; the peak may have been higher between two samples.',
    );
  });

  it('claims no curve where there is none', () => {
    expect(sentence({ samples: 1 })).toBe('Exact totals; no curve: the run ended before two samples could be taken.');
    expect(sentence({ samples: 1 }, true)).toBe('Exact totals; the curve begins with the second sample.');
  });
});

describe('small things', () => {
  it('tags are split, bared and told once', () => {
    expect(parseTags(' nightly, @release  #nightly,,')).toEqual(['nightly', 'release']);
    expect(parseTags('')).toEqual([]);
  });

  it('metrics stand in the order people look for them, unknown ones last', () => {
    expect(orderMetrics(['zz', 'rss_max_mb', 'cpu_seconds', 'duration_s'])).toEqual([
      'duration_s',
      'cpu_seconds',
      'rss_max_mb',
      'zz',
    ]);
  });

  it('a spark of less than two values is nothing', () => {
    expect(sparkPath([])).toBe('');
    expect(sparkPath([5])).toBe('');
    expect(sparkPath([0, 100], 10, 22)).toBe('M0 21L10 1');
  });

  it('an alert that changed replaces itself', () => {
    const first = anAlert();
    const later = anAlert({ ended_at: '2026-11-20T10:01:00.000Z' });
    const other = anAlert({ uid: 'B', fired_at: '2026-11-20T11:00:00.000Z' });
    expect(mergeAlerts([first], [later, other])).toEqual([other, later]);
  });

  it('what bpd refused is said by its code, and a code without a sentence keeps its words', () => {
    setLang('tr');
    expect(refusalText(new Refused(507, 'disk_full', 'no room', null)).text).toContain('disk dolu');
    expect(refusalText(new Refused(422, 'brand_new', 'something new', 'do this'))).toEqual({
      text: 'something new',
      hint: 'do this',
    });
    setLang('en');
  });

  it('the language is the first of the browser’s that we speak', () => {
    expect(preferredLang(['de-DE', 'tr-TR', 'en-US'])).toBe('tr');
    expect(preferredLang(['de'])).toBe('en');
    expect(preferredLang([])).toBe('en');
  });
});

describe('who burned it', () => {
  const child = { name: 'cc1', processes: 4, cpu_seconds: 6, rss_max_mb: 36, at_least: true };
  const rest = { names: 3, processes: 9, cpu_seconds: 1, shell_seconds: 0.0001, untold_seconds: 3 };

  it('adds up to the whole, and says what may be more', () => {
    const rows = childrenOf([child, { ...child, name: '<ld>', at_least: false, rss_max_mb: null }], rest);
    render(<Children rows={rows} total={16} />, host);
    const lines = [...host.querySelectorAll('tbody tr')].map((row) => row.textContent?.replace(/\s/g, ' '));
    expect(lines).toEqual([
      'cc1≥ 4≥ 6.00 s38 %36 MiB',
      '<ld>46.00 s38 %–',
      '3 further programs91.00 s6.3 %–',
      'Short-lived, not told apart–3.00 s19 %–',
    ]);
    expect(host.querySelector('p')?.textContent).toContain('≥');
  });

  it('is no table where only the shell was at work, or nothing is known', () => {
    expect(childrenOf([], null)).toEqual([]);
    expect(childrenOf([], { ...rest, cpu_seconds: 0, untold_seconds: 0, shell_seconds: 5 })).toEqual([]);
    expect(childrenOf([], { ...rest, names: 0, cpu_seconds: 0 }).map((row) => row.key)).toEqual(['untold']);
  });
});
