import { describe, expect, it } from 'vitest';
import { hrefOf, parseInvitation, parseRoute } from '../src/route';

describe('addresses', () => {
  it.each([
    '#/runs',
    '#/runs?q=exit:0%20make&sel=12,14',
    '#/runs/12',
    '#/runs/12?zoom=3-10.5',
    '#/runs/latest-success~2',
    '#/compare?a=12&b=latest-success&align=work',
    '#/compare?a=12&b=9&zoom=0-4.25',
    '#/alerts',
    '#/alerts?actor=agent:x',
  ])('%s reads and writes the same', (hash) => {
    expect(hrefOf(parseRoute(hash))).toBe(hash);
  });

  it('keep whatever a filter holds', () => {
    for (const q of ['a&b=c', 'ünlü #1 %20', 'cwd:/home/a?b', '100%']) {
      expect(parseRoute(hrefOf({ page: 'runs', q, selected: [] }))).toEqual({ page: 'runs', q, selected: [] });
    }
  });

  it('without a view show the runs', () => {
    for (const hash of ['', '#', '#/']) expect(parseRoute(hash).page).toBe('runs');
  });

  it('that name no page say so', () => {
    for (const hash of ['#/nothing', '#/runs/1/2', '#/alerts/x']) expect(parseRoute(hash).page).toBe('unknown');
  });

  it('with a malformed zoom, selection or alignment show the whole', () => {
    expect(parseRoute('#/runs/12?zoom=9-3')).toEqual({ page: 'run', run: '12', zoom: null });
    expect(parseRoute('#/runs?sel=1,x,1,2')).toEqual({ page: 'runs', q: '', selected: [1, 2] });
    expect(parseRoute('#/compare?a=1&align=sideways')).toMatchObject({ align: 'time' });
  });

  it('survive a broken escape', () => {
    expect(parseRoute('#/runs/%E0%A4%A')).toEqual({ page: 'run', run: '%E0%A4%A', zoom: null });
  });
});

describe('an invitation', () => {
  it('carries the code and the view', () => {
    expect(parseInvitation('#code=K7QM-2XRD-9FHT&to=%2Fruns%2F12')).toEqual({
      code: 'K7QM-2XRD-9FHT',
      to: { page: 'run', run: '12', zoom: null },
    });
    expect(parseInvitation('#code=K7QM-2XRD-9FHT')).toMatchObject({ to: { page: 'runs' } });
  });

  it('is not seen in an ordinary address', () => {
    expect(parseInvitation('#/runs?q=code=1')).toBeNull();
  });
});
