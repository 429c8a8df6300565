/** CPU and memory of one run on one axis. */
import { useMemo } from 'preact/hooks';
import { type Curve, peakOf, timeMean, toCurve } from '../curve';
import { formatDuration, formatMemory, formatPercent, formatTick } from '../format';
import { lang } from '../prefs';
import type { Zoom } from '../route';
import { t, tn } from '../speech';
import { isOpen } from '../state';
import type { Point, Run, RunStats } from '../wire';
import { Chart, type Line } from './chart';

interface Props {
  readonly run: Run;
  readonly points: readonly Point[];
  readonly zoom: Zoom | null;
  readonly onZoom: (zoom: Zoom | null) => void;
}

export function RunCurves({ run, points, zoom, onZoom }: Props) {
  const curve = useMemo(() => toCurve(points, run), [points, run.started_at, run.finished_at]);
  const language = lang.value;
  const cpuLines = useMemo(
    (): readonly Line[] => {
      const own = { values: curve.cpu, ink: 'a', stepped: true } as const;
      if (!drawable(curve.host)) return [{ ...own, label: t('chart.cpu') }];
      const host = { values: curve.host, ink: 'band', stepped: true, band: true } as const;
      return [
        { ...own, label: t('chart.run') },
        { ...host, label: t('chart.host'), note: t('chart.host.note') },
      ];
    },
    [curve, language],
  );
  const memoryLines = useMemo(
    (): readonly Line[] => [{ label: t('chart.memory'), values: curve.rss, ink: 'a' }],
    [curve, language],
  );
  const seconds = (value: number) => formatDuration(value, language);
  const percent = (value: number) => formatPercent(value, language);
  const memory = (value: number) => formatMemory(value, language);
  const common = {
    x: curve.x,
    xName: t('chart.axis.time'),
    formatX: seconds,
    formatTick: (value: number) => formatTick(value, language),
    sync: `run ${run.id}`,
    zoom,
    onZoom,
    clock: true,
  };
  const stats = run.run_stats;
  const isBetween = points.some((point) => point.rss_max_mb != null);
  // Where no rate is known, as of a run that is shorter than ten clock ticks, a curve would show rounding.
  const hasRates = isOpen(run) || stats == null || stats.cpu_max !== null;
  return (
    <>
      <ZoomBar zoom={zoom} onZoom={onZoom} format={seconds} />
      {hasRates && (
        <Chart
          {...common}
          name={t('chart.cpu')}
          unit={t('chart.cpu.unit')}
          summary={summary(t('chart.cpu'), curve, curve.cpu, averageOf(run, 'cpu_avg', curve, curve.cpu), highestOf(run, 'cpu_max'), percent, seconds)}
          lines={cpuLines}
          formatY={percent}
        />
      )}
      {drawable(curve.rss) && (
        <Chart
          {...common}
          name={t('chart.memory')}
          unit={t('chart.memory.unit')}
          summary={`${summary(t('chart.memory'), curve, curve.rss, averageOf(run, 'rss_avg_mb', curve, curve.rss), highestOf(run, 'rss_max_mb'), memory, seconds)}${isBetween ? ` ${t('chart.peak_between')}` : ''}`}
          lines={memoryLines}
          formatY={memory}
        />
      )}
    </>
  );
}

/** One reading makes no curve. */
function drawable(values: ReadonlyArray<number | null>): boolean {
  return values.filter((value) => value !== null).length >= 2;
}

/** The average of the run's tile; of an open run without one that of the curve so far. */
function averageOf(
  run: Run,
  name: 'cpu_avg' | 'rss_avg_mb',
  curve: Curve,
  values: ReadonlyArray<number | null>,
): number | null {
  const { run_stats: stats } = run;
  return stats == null ? timeMean(curve.x, values) : stats[name];
}

function highestOf(run: Run, name: 'cpu_max' | 'rss_max_mb'): number | null {
  return isOpen(run) ? null : (run.run_stats?.[name] ?? null);
}

function summary(
  name: string,
  curve: Curve,
  values: ReadonlyArray<number | null>,
  average: number | null,
  /** The same figure as in the run's tile; null while it grows. */
  highest: number | null,
  format: (value: number) => string,
  seconds: (value: number) => string,
): string {
  const peak = peakOf(curve.x, values);
  if (!peak) return '';
  const shown = {
    name,
    average: average === null ? t('common.unknown') : format(average),
    peak: format(highest ?? peak.value),
    span: seconds(curve.x.at(-1) ?? 0),
  };
  // The totals may know of more than any point of the curve: then no point is the place of the peak.
  const isPlaced = highest === null || format(highest) === format(peak.value);
  return isPlaced ? t('chart.summary', { ...shown, when: seconds(peak.at) }) : t('chart.summary.unplaced', shown);
}

/** What part is shown, and the way back to all of it. Its height does not change, so that nothing jumps. */
export function ZoomBar(props: {
  zoom: Zoom | null;
  onZoom: (zoom: Zoom | null) => void;
  format: (value: number) => string;
}) {
  const { zoom, onZoom, format } = props;
  return (
    <div class="zoom-bar">
      {zoom ? (
        <>
          <span>{t('chart.zoomed', { from: format(zoom[0]), to: format(zoom[1]) })}</span>
          <button type="button" onClick={() => onZoom(null)}>
            {t('chart.reset')}
          </button>
        </>
      ) : (
        <span class="dim">{t('chart.zoom_hint')}</span>
      )}
    </div>
  );
}

/** "Exact totals; curve from 41 samples": how far the figures can be trusted. */
export function qualitySentence(stats: RunStats, running: boolean): string {
  const parts = [t(`quality.${stats.quality}`)];
  if (stats.samples >= 2) parts.push(tn('quality.curve', stats.samples));
  else parts.push(t(running ? 'quality.no_curve_running' : 'quality.no_curve'));
  if (stats.peak_lower_bound) parts.push(t('quality.lower_bound'));
  if (stats.incomplete) parts.push(t('quality.incomplete'));
  return `${parts.join('; ')}.`;
}
