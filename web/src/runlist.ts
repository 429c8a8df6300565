/** The list of runs as it changes while someone looks at it. Pure: a list and what happened in, a list out. */
import type { RunPage } from './api';
import { isOpen } from './state';
import type { Run } from './wire';

export interface RunList {
  readonly known: ReadonlyMap<number, Run>;
  /** Ids in the order in which they are shown. */
  readonly running: readonly number[];
  readonly finished: readonly number[];
  /** Cursor of the page after the oldest known run; null = there is none. */
  readonly next: string | null;
}

export const EMPTY: RunList = { known: new Map(), running: [], finished: [], next: null };

/** Newest first: by start, then by id, as everywhere in bp. Runs without a date come last. */
function newestFirst(a: Run, b: Run): number {
  const [startA, startB] = [a.started_at ?? '', b.started_at ?? ''];
  if (startA !== startB) return startA < startB ? 1 : -1;
  return b.id - a.id;
}

/** Shows all that is known, in its order. */
export function settle(list: RunList): RunList {
  const runs = [...list.known.values()].sort(newestFirst);
  return {
    ...list,
    running: runs.filter(isOpen).map((run) => run.id),
    finished: runs.filter((run) => !isOpen(run)).map((run) => run.id),
  };
}

/** A list loaded anew: the running runs, and the newest page of all. */
export function fromPages(running: readonly Run[], newest: RunPage): RunList {
  const known = new Map([...newest.runs, ...running].map((run) => [run.id, run]));
  return settle({ ...EMPTY, known, next: newest.next });
}

/**
 * Takes in a newer newest page. What is shown stays where it is; `settle` shows the rest. When so much happened that
 * the page does not reach what was known, the list begins anew, for there would be a hole in it.
 */
export function refresh(list: RunList, running: readonly Run[], newest: RunPage): RunList {
  // A page that a filter left empty is no news.
  const reaches = newest.next === null || newest.runs.length === 0 || newest.runs.some((run) => list.known.has(run.id));
  if (!reaches) return fromPages(running, newest);
  const known = new Map(list.known);
  for (const run of [...newest.runs, ...running]) known.set(run.id, run);
  return { ...list, known, next: newest.next === null ? null : list.next };
}

/** Adds the page after the oldest. */
export function extend(list: RunList, page: RunPage): RunList {
  const known = new Map(list.known);
  for (const run of page.runs) if (!known.has(run.id)) known.set(run.id, run);
  const shown = new Set([...list.running, ...list.finished]);
  const older = page.runs.filter((run) => !isOpen(run) && !shown.has(run.id)).map((run) => run.id);
  return { ...list, known, finished: [...list.finished, ...older], next: page.next };
}

/** One run changed. */
export function update(list: RunList, run: Run): RunList {
  return { ...list, known: new Map(list.known).set(run.id, run) };
}

export function remove(list: RunList, id: number): RunList {
  if (!list.known.has(id)) return list;
  const known = new Map(list.known);
  known.delete(id);
  const others = (ids: readonly number[]) => ids.filter((one) => one !== id);
  return { ...list, known, running: others(list.running), finished: others(list.finished) };
}

/** How many runs are known that are not shown yet. */
export function unseen(list: RunList): number {
  return list.known.size - list.running.length - list.finished.length;
}

/** Runs that are shown as running but for which the latest answer had no news; they must be asked for by id. */
export function stale(list: RunList, answered: ReadonlySet<number>): readonly number[] {
  return [...list.known.values()].filter((run) => isOpen(run) && !answered.has(run.id)).map((run) => run.id);
}

export function runsOf(list: RunList, ids: readonly number[]): readonly Run[] {
  return ids.map((id) => list.known.get(id)).filter((run) => run !== undefined);
}

/** The rows to draw of a long list: those in view and some on either side. */
export function rowsInView(
  count: number,
  rowHeight: number,
  /** Where the list begins above the window's top edge, px; negative = below it. */
  above: number,
  windowHeight: number,
  margin = 12,
): readonly [number, number] {
  if (count === 0 || rowHeight <= 0) return [0, Math.min(count, 60)];
  const first = Math.floor(above / rowHeight) - margin;
  const last = Math.ceil((above + windowHeight) / rowHeight) + margin;
  const from = Math.min(Math.max(0, first), count);
  return [from, Math.min(Math.max(from, last), count)];
}
