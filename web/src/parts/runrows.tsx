/** One run as one row. */
import { secondsSince } from '../clock';
import { formatDuration, formatElapsed, formatMemory, formatPercent } from '../format';
import { baseName } from '../format';
import { lang } from '../prefs';
import { hrefOf, runRoute } from '../route';
import { actorName, commandOf, t } from '../speech';
import { isOpen } from '../state';
import type { Point, Run, RunStats } from '../wire';
import { CommandText, Status, When } from './basics';
import { Spark } from './spark';

/** A text of more than this may not fit a row; the row shows all of it while it has the focus. Characters. */
const FITS = 48;

interface RowProps {
  readonly run: Run;
  readonly index: number;
  readonly selected: boolean;
  readonly onSelect: (id: number) => void;
}

function Cells({ run, selected, onSelect }: Omit<RowProps, 'index'>) {
  const command = commandOf(run);
  return (
    <>
      <span role="cell" class="cell-select">
        <input
          type="checkbox"
          checked={selected}
          aria-label={t('runs.select', { id: run.id })}
          onChange={() => onSelect(run.id)}
        />
      </span>
      <span role="cell" class="cell-status">
        <Status run={run} />
      </span>
      <span role="cell" class="cell-command">
        <a href={hrefOf(runRoute(run.id))} title={command}>
          <CommandText run={run} />
        </a>
        {/* The column of tags goes first where there is little room; who typed stays. */}
        {run.actor !== 'human' && <span class="tag tag-actor tag-beside">{actorName(run.actor)}</span>}
        {command.length > FITS && (
          <span class="command-whole" aria-hidden="true">
            {command.slice(0, 2000)}
          </span>
        )}
      </span>
    </>
  );
}

function Place({ run }: { run: Run }) {
  const place = run.project ?? run.cwd;
  return (
    <span role="cell" class="cell-place" title={run.cwd ?? undefined}>
      {place !== null && <span class="place-name">{baseName(place)}</span>}
      {run.git?.branch != null && <span class="branch">{run.git.branch}</span>}
    </span>
  );
}

/** A memory peak, marked where it may have been higher, as on the run's page. */
function peakText(peak: number | null | undefined, stats: RunStats | null): string {
  const value = formatMemory(peak, lang.value);
  return peak != null && stats?.peak_lower_bound ? t('figure.at_least', { value }) : value;
}

/** A run that has ended. */
export function FinishedRow(props: RowProps & { now: number }) {
  const { run, now } = props;
  const stats = run.run_stats;
  return (
    <div role="row" class="run-row" aria-rowindex={props.index + 2} data-run={run.id}>
      <Cells {...props} />
      <Place run={run} />
      <span role="cell" class="cell-when">
        <When at={run.started_at} now={now} />
      </span>
      <span role="cell" class="cell-duration number">{formatDuration(stats?.duration_s, lang.value)}</span>
      <span role="cell" class="cell-cpu number">{formatDuration(stats?.cpu_seconds, lang.value)}</span>
      <span role="cell" class="cell-memory number">{peakText(stats?.rss_max_mb, stats)}</span>
      <span role="cell" class="cell-tags" title={run.tags.join(' ')}>
        {run.actor !== 'human' && <span class="tag tag-actor">{actorName(run.actor)}</span>}
        {run.tags.map((tag) => (
          <span class="tag" key={tag}>
            {tag}
          </span>
        ))}
      </span>
    </div>
  );
}

/** A run that is going on. */
export function RunningRow(props: RowProps & { points: readonly Point[]; now: number }) {
  const { run, points, now } = props;
  const last = points.at(-1);
  const peak = Math.max(run.run_stats?.rss_max_mb ?? 0, ...points.map((point) => point.rss_mb));
  return (
    <div role="row" class="run-row running-row" aria-rowindex={props.index + 2} data-run={run.id}>
      <Cells {...props} />
      <Place run={run} />
      <span role="cell" class="cell-spark">
        <Spark values={points.map((point) => point.cpu_percent)} />
      </span>
      <span role="cell" class="cell-now number">{formatPercent(last?.cpu_percent, lang.value)}</span>
      <span role="cell" class="cell-duration number">
        {isOpen(run)
          ? formatElapsed(secondsSince(run.started_at, now))
          : formatDuration(run.run_stats?.duration_s, lang.value)}
      </span>
      <span role="cell" class="cell-memory number">{peakText(peak > 0 ? peak : null, run.run_stats)}</span>
    </div>
  );
}
