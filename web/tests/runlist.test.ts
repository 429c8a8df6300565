import { describe, expect, it } from 'vitest';
import { extend, fromPages, refresh, remove, rowsInView, settle, unseen, update } from '../src/runlist';
import { aRun } from './fixtures';

const page = (...ids: number[]) => ({ runs: ids.map((id) => aRun({ id })), next: 'older' });

describe('the list of runs', () => {
  it('shows running runs apart, newest first', () => {
    const list = fromPages([aRun({ id: 2, state: 'running' })], page(5, 3, 4));
    expect(list.running).toEqual([2]);
    expect(list.finished).toEqual([5, 4, 3]);
  });

  it('goes by start and then id, for imported runs have new ids and old times', () => {
    const imported = aRun({ id: 9, started_at: '2020-01-01T00:00:00.000Z' });
    const list = fromPages([], { runs: [imported, aRun({ id: 3 }), aRun({ id: 4 })], next: null });
    expect(list.finished).toEqual([4, 3, 9]);
  });

  it('shows runs without a date last', () => {
    const undated = [aRun({ id: 8, started_at: null }), aRun({ id: 9, started_at: null })];
    const old = aRun({ id: 7, started_at: '1999-01-01T00:00:00.000Z' });
    const list = fromPages([], { runs: [...undated, old, aRun({ id: 3 })], next: null });
    expect(list.finished).toEqual([3, 7, 9, 8]);
  });

  it('holds new rows back until they are asked for', () => {
    const list = refresh(fromPages([], page(3, 2, 1)), [], page(5, 4, 3));
    expect(list.finished).toEqual([3, 2, 1]);
    expect(unseen(list)).toBe(2);
    expect(settle(list).finished).toEqual([5, 4, 3, 2, 1]);
    expect(unseen(settle(list))).toBe(0);
  });

  it('begins anew when it missed more than a page', () => {
    const list = refresh(fromPages([], page(3, 2, 1)), [], page(103, 102, 101));
    expect(list.finished).toEqual([103, 102, 101]);
  });

  it('adds older pages below without repeating a run', () => {
    const list = extend(fromPages([], page(5, 4)), { runs: [aRun({ id: 4 }), aRun({ id: 3 })], next: null });
    expect(list.finished).toEqual([5, 4, 3]);
    expect(list.next).toBeNull();
  });

  it('keeps a finished run in its place among the running ones until it is settled', () => {
    const list = update(fromPages([aRun({ id: 2, state: 'running' })], page(1)), aRun({ id: 2 }));
    expect(list.running).toEqual([2]);
    expect(settle(list).running).toEqual([]);
    expect(settle(list).finished).toEqual([2, 1]);
  });

  it('forgets a deleted run at once', () => {
    const list = remove(fromPages([], page(3, 2, 1)), 2);
    expect(list.finished).toEqual([3, 1]);
    expect(unseen(list)).toBe(0);
  });
});

describe('the rows that exist', () => {
  it('are those in view and some on either side', () => {
    expect(rowsInView(10_000, 40, 0, 800)).toEqual([0, 32]);
    expect(rowsInView(10_000, 40, 40_000, 800)).toEqual([988, 1032]);
  });

  it('never pass the ends', () => {
    expect(rowsInView(10, 40, 0, 800)).toEqual([0, 10]);
    expect(rowsInView(10, 40, 9_000, 800)).toEqual([10, 10]);
    expect(rowsInView(10, 40, -3_000, 800)).toEqual([0, 0]);
    expect(rowsInView(0, 40, 0, 800)).toEqual([0, 0]);
  });
});
