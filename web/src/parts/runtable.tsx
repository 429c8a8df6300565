/** The rows of a long list: only those in view exist. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { rowsInView } from '../runlist';
import { t } from '../speech';
import type { Run } from '../wire';
import { FinishedRow } from './runrows';

interface Props {
  readonly runs: readonly Run[];
  readonly selected: readonly number[];
  readonly onSelect: (id: number) => void;
  readonly now: number;
  /** Lets the keyboard bring a row into existence. */
  readonly reveal: { current: ((index: number) => void) | null };
}

/** Until a row was measured, px. */
const ROW_HEIGHT = 40;

export function RunTable({ runs, selected, onSelect, now, reveal }: Props) {
  const body = useRef<HTMLDivElement>(null);
  const [rowHeight, setRowHeight] = useState(ROW_HEIGHT);
  const [[from, to], setRange] = useState<readonly [number, number]>([0, 60]);

  useLayoutEffect(() => {
    const element = body.current;
    if (!element) return undefined;
    const look = () => {
      const row = element.querySelector('.run-row');
      const height = row?.getBoundingClientRect().height ?? rowHeight;
      if (height > 0) setRowHeight(height);
      const above = -element.getBoundingClientRect().top;
      const next = rowsInView(runs.length, height, above, innerHeight);
      setRange((now) => (now[0] === next[0] && now[1] === next[1] ? now : next));
    };
    look();
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', look);
    return () => {
      removeEventListener('scroll', look);
      removeEventListener('resize', look);
    };
  }, [runs.length, rowHeight]);

  useEffect(() => {
    reveal.current = (index) => {
      const element = body.current;
      if (!element) return;
      const top = element.getBoundingClientRect().top + index * rowHeight;
      if (top < 80) scrollBy({ top: top - 80 });
      else if (top + rowHeight > innerHeight - 16) scrollBy({ top: top + rowHeight - innerHeight + 16 });
    };
    return () => {
      reveal.current = null;
    };
  }, [rowHeight, reveal]);

  const shown = runs.slice(from, to);
  const labelled = useMemo(() => runs.some((run) => run.tags.length > 0 || run.actor !== 'human'), [runs]);
  return (
    <div role="table" class={labelled ? 'run-table' : 'run-table unlabelled'} aria-label={t('runs.finished')} aria-rowcount={runs.length + 1}>
      <div role="rowgroup" class="run-head">
        <div role="row" class="run-row" aria-rowindex={1}>
          <span role="columnheader" class="cell-select">
            <span class="sr">{t('column.status')}</span>
          </span>
          {HEADINGS.map(([name, key, number]) => (
            <span role="columnheader" class={`cell-${name}${number ? ' number' : ''}`} key={name}>
              {t(key)}
            </span>
          ))}
        </div>
      </div>
      <div
        ref={body}
        role="rowgroup"
        class="run-body"
        style={{ paddingTop: `${from * rowHeight}px`, paddingBottom: `${Math.max(0, runs.length - to) * rowHeight}px` }}
      >
        {shown.map((run, offset) => (
          <FinishedRow
            key={run.id}
            run={run}
            index={from + offset}
            selected={selected.includes(run.id)}
            onSelect={onSelect}
            now={now}
          />
        ))}
      </div>
    </div>
  );
}

const HEADINGS = [
  ['status', 'column.status', false],
  ['command', 'column.command', false],
  ['place', 'column.place', false],
  ['when', 'column.when', false],
  ['duration', 'column.duration', true],
  ['cpu', 'column.cpu', true],
  ['memory', 'column.memory', true],
  ['tags', 'column.tags', false],
] as const;
