/** What a badge says of pauses. Pure. */
import type { Paused } from './wire';

export interface PauseNote {
  /** Every shell, else how many. */
  readonly shells: 'all' | number;
  /** Milliseconds since 1970; null = until somebody resumes. */
  readonly until: number | null;
}

/** The pauses that are on at `now`, as one; null = recording goes on. A pause of every shell says all there is to say. */
export function pauseNote(paused: readonly Paused[], now: number): PauseNote | null {
  const ends = (pause: Paused) => (pause.until === null ? Infinity : Date.parse(pause.until));
  const on = paused.filter((pause) => ends(pause) > now);
  const all = on.filter((pause) => pause.shell === null);
  const told = all.length > 0 ? all : on;
  if (told.length === 0) return null;
  // It is over when the last of them is.
  const last = Math.max(...told.map(ends));
  return { shells: all.length > 0 ? 'all' : told.length, until: last === Infinity ? null : last };
}

/** When the badge says something else by itself, milliseconds from now; null = never. */
export function nextChange(paused: readonly Paused[], now: number): number | null {
  const ends = paused.map((pause) => (pause.until === null ? Infinity : Date.parse(pause.until)));
  const next = Math.min(...ends.filter((end) => end > now));
  return next === Infinity ? null : next - now;
}
