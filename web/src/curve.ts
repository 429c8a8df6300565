/** Curves as the charts take them, from samples as the API gives them. Pure. */
import type { Point, Run } from './wire';

export interface Curve {
  /** Seconds since the run's start (posted curves: since their first point). */
  readonly x: readonly number[];
  readonly cpu: ReadonlyArray<number | null>;
  readonly rss: ReadonlyArray<number | null>;
  /** The whole machine; 100 = all CPUs. Null where it was not read. */
  readonly host: ReadonlyArray<number | null>;
  /** Unix seconds at x = 0. */
  readonly origin: number;
}

/** Wall clocks are set; a point this far outside the run belongs to another clock. Seconds. */
const CLOCK_SLACK_S = 5;

/** Where x = 0 is: the run's start, unless the points have no relation to it, as posted ones may. Unix seconds. */
export function curveOrigin(points: readonly Point[], run: Pick<Run, 'started_at' | 'finished_at'>): number {
  const started = run.started_at === null ? (points[0]?.ts ?? 0) : Date.parse(run.started_at) / 1000;
  const first = points[0]?.ts ?? started;
  const last = points.at(-1)?.ts ?? started;
  const finished = run.finished_at === null ? Infinity : Date.parse(run.finished_at) / 1000;
  return first >= started - CLOCK_SLACK_S && last <= finished + CLOCK_SLACK_S ? started : first;
}

/** A point's value holds for the interval before it, so the curve begins with the first value at 0. */
export function toCurve(points: readonly Point[], run: Pick<Run, 'started_at' | 'finished_at'>): Curve {
  const origin = curveOrigin(points, run);
  const x: number[] = [];
  const cpu: number[] = [];
  const rss: Array<number | null> = [];
  const host: Array<number | null> = [];
  const first = points[0];
  if (first && first.ts > origin) {
    x.push(0);
    cpu.push(first.cpu_percent);
    rss.push(null);
    host.push(first.host_cpu_percent ?? null);
  }
  for (const point of points) {
    const at = Math.max(0, point.ts - origin);
    // A peak between two samples is drawn with the interval in which it is known to lie.
    const memory = Math.max(point.rss_mb, point.rss_max_mb ?? 0);
    // A measured reading of nothing is a line in which only the shell ran: its memory is not the run's.
    const known = memory === 0 && point.processes === 0 ? null : memory;
    const last = x.length - 1;
    // The chart wants an axis that never goes back; posted times may. No peak is lost by that.
    if (last > 0 && at <= (x[last] ?? 0)) {
      cpu[last] = Math.max(cpu[last] ?? 0, point.cpu_percent);
      rss[last] = known === null ? (rss[last] ?? null) : Math.max(rss[last] ?? 0, known);
      continue;
    }
    x.push(at);
    cpu.push(point.cpu_percent);
    rss.push(known);
    host.push(point.host_cpu_percent ?? null);
  }
  return { x, cpu, rss: endAtLast(rss), host: since(host), origin };
}

/** The machine is read more rarely than the run; a reading describes the time since the one before it. */
export function since(values: ReadonlyArray<number | null>): Array<number | null> {
  let next: number | null = null;
  return [...values].reverse().map((value) => (next = value ?? next)).reverse();
}

/**
 * Memory without the zeros at the end: the last reading comes when the processes are gone, and a line down to it would
 * show a decline that never was.
 */
export function endAtLast(values: ReadonlyArray<number | null>): Array<number | null> {
  const last = values.findLastIndex((value) => value !== null && value > 0);
  return values.map((value, index) => (index > last && value === 0 ? null : value));
}

/** Adds points that came live; what is not newer than the last is known already. */
export function appendPoints(points: readonly Point[], more: readonly Point[]): readonly Point[] {
  const last = points.at(-1)?.ts ?? -Infinity;
  const fresh = more.filter((point) => point.ts > last);
  return fresh.length === 0 ? points : [...points, ...fresh];
}

export interface Peak {
  readonly value: number;
  readonly at: number;
}

/** The highest value and where it is; null when there is none. */
export function peakOf(x: readonly number[], values: ReadonlyArray<number | null>): Peak | null {
  let found: Peak | null = null;
  values.forEach((value, index) => {
    if (value !== null && (found === null || value > found.value)) found = { value, at: x[index] ?? 0 };
  });
  return found;
}

/** The index of the point nearest to `at`; -1 when there is none. */
export function nearest(x: readonly number[], at: number): number {
  let low = 0;
  let high = x.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((x[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return at - (x[low] ?? 0) <= (x[high] ?? 0) - at ? low : high;
}

/** The mean over time, each value holding for the interval before it; null when there is no interval. */
export function timeMean(x: readonly number[], values: ReadonlyArray<number | null>): number | null {
  let area = 0;
  let length = 0;
  for (let index = 1; index < x.length; index += 1) {
    const value = values[index];
    if (value == null) continue;
    const step = (x[index] ?? 0) - (x[index - 1] ?? 0);
    area += value * step;
    length += step;
  }
  return length > 0 ? area / length : null;
}
