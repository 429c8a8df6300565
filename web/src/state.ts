/** States of a run. Pure. */
import type { Run, RunState } from './wire';

/** The states of runs that have not ended yet. */
export const OPEN_STATES = ['running', 'stopped', 'background'] as const satisfies readonly RunState[];

/** Whether the run has not ended yet. */
export function isOpen(run: Pick<Run, 'state'>): boolean {
  return OPEN_STATES.some((state) => state === run.state);
}
