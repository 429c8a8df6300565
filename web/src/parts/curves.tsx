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
  return (
    <>
      <ZoomBar zoom={zoom} onZoom={onZoom} format={seconds} />
      <Chart
        {...common}
        name={t('chart.cpu')}
        unit={t('chart.cpu.unit')}
        summary={summary(t('chart.cpu'), curve, curve.cpu, stats?.cpu_avg ?? null, highestOf(run, 'cpu_max'), percent, seconds)}
        lines={cpuLines}
        formatY={percent}
      />
      {drawable(curve.rss) && (
        <Chart
          {...common}
          name={t('chart.memory')}
          unit={t('chart.memory.unit')}
          summary={`${summary(t('chart.memory'), curve, curve.rss, stats?.rss_avg_mb ?? null, highestOf(run, 'rss_max_mb'), memory, seconds)}${isBetween ? ` ${t('chart.peak_between')}` : ''}`}
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
  const mean = average ?? timeMean(curve.x, values);
  return t('chart.summary', {
    name,
    average: mean === null ? t('common.unknown') : format(mean),
    peak: format(highest ?? peak.value),
    when: seconds(peak.at),
    span: seconds(curve.x.at(-1) ?? 0),
  });
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
