import { describe, expect, it } from 'vitest';
import { appendPoints, endAtLast, nearest, peakOf, timeMean, toCurve } from '../src/curve';
import { aCurve, aRun } from './fixtures';

const run = aRun({ started_at: '2026-11-20T10:00:00.000Z', finished_at: '2026-11-20T10:00:10.000Z' });
const start = Date.parse(run.started_at ?? '') / 1000;

describe('a curve', () => {
  it('begins at the start with the value of its first interval, and knows no memory there', () => {
    const curve = toCurve(aCurve([[start + 1, 50, 10], [start + 2, 80, 20]]), run);
    expect(curve.x).toEqual([0, 1, 2]);
    expect(curve.cpu).toEqual([50, 50, 80]);
    expect(curve.rss).toEqual([null, 10, 20]);
  });

  it('of memory ends with the last process, not with a line down to nothing', () => {
    const curve = toCurve(aCurve([[start + 1, 5, 0], [start + 2, 5, 20], [start + 3, 5, 0]]), run);
    expect(curve.rss).toEqual([null, 0, 20, null]);
    expect(endAtLast([0, 0])).toEqual([null, null]);
  });

  it('has the machine behind it, each reading for the time since the one before', () => {
    const points = aCurve([[start + 1, 5, 1], [start + 2, 5, 1], [start + 3, 5, 1], [start + 4, 5, 1]]);
    const read = points.map((point, at) => (at === 1 ? { ...point, host_cpu_percent: 40 } : at === 2 ? { ...point, host_cpu_percent: 0 } : point));
    expect(toCurve(read, run).host).toEqual([40, 40, 40, 0, null]);
    expect(toCurve(points, run).host).toEqual([null, null, null, null, null]);
  });

  it('of posted points of another clock begins at its first point', () => {
    const curve = toCurve(aCurve([[1000, 50, 10], [1005, 80, 20]]), run);
    expect(curve.origin).toBe(1000);
    expect(curve.x).toEqual([0, 5]);
  });

  it('never goes back, even when posted times do', () => {
    const { x } = toCurve(aCurve([[start + 1, 1, 1], [start + 3, 1, 1], [start + 2, 1, 1], [start + 4, 1, 1]]), run);
    expect(x).toEqual([0, 1, 3, 4]);
  });

  it('grows by what is newer only', () => {
    const known = aCurve([[1, 1, 1], [2, 2, 2]]);
    expect(appendPoints(known, aCurve([[2, 9, 9], [3, 3, 3]])).map((point) => point.ts)).toEqual([1, 2, 3]);
    expect(appendPoints(known, aCurve([[2, 9, 9]]))).toBe(known);
  });
});

describe('reading a curve', () => {
  it('finds the highest value and where it is', () => {
    expect(peakOf([0, 1, 2], [null, 7, 5])).toEqual({ value: 7, at: 1 });
    expect(peakOf([], [])).toBeNull();
  });

  it('averages over time, not over points', () => {
    expect(timeMean([0, 1, 10], [0, 100, 10])).toBeCloseTo(19);
    expect(timeMean([0], [5])).toBeNull();
  });

  it('finds the nearest point', () => {
    expect([-5, 0.4, 0.6, 2.9, 99].map((at) => nearest([0, 1, 3], at))).toEqual([0, 0, 1, 2, 2]);
    expect(nearest([], 1)).toBe(-1);
  });
});
