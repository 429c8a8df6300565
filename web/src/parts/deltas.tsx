/** Two runs in tables: every figure, and every input that is not the same. */
import { UNKNOWN, formatChange } from '../format';
import { lang } from '../prefs';
import { formatFigure, t } from '../speech';
import type { Comparison, Difference, MetricDelta, Verdict } from '../wire';
import { isKey } from '../words';

/** What people look for first comes first; names that are new to this page follow. */
const ORDER = [
  'duration_s',
  'cpu_seconds',
  'user_seconds',
  'system_seconds',
  'cpu_avg',
  'cpu_p95',
  'cpu_max',
  'rss_max_mb',
  'rss_avg_mb',
  'rss_p95_mb',
  'max_processes',
  'max_threads',
  'wait_seconds',
  'read_mb',
  'written_mb',
  'minor_faults',
  'major_faults',
  'voluntary_switches',
  'involuntary_switches',
  'host_cpu_avg',
  'pressure_cpu',
  'pressure_memory',
  'pressure_io',
];

export function orderMetrics(names: readonly string[]): string[] {
  const rank = (name: string) => {
    const at = ORDER.indexOf(name);
    return at < 0 ? ORDER.length : at;
  };
  return [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

function metricName(name: string): string {
  const key = `figure.${name}`;
  return isKey(key) ? t(key) : name;
}

function formatDelta(name: string, delta: number | null): string {
  if (delta === null) return UNKNOWN;
  const size = formatFigure(name, Math.abs(delta), lang.value);
  // What is rounded to nothing has no sign.
  if (!/[1-9]/.test(size)) return size;
  return `${delta > 0 ? '+' : '−'}${size}`;
}

export function DeltaTable({ comparison }: { comparison: Comparison }) {
  const { metrics } = comparison;
  const names = orderMetrics(Object.keys(metrics));
  const withUsual = names.some((name) => metrics[name]?.usual != null);
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={t('compare.metrics')}>
      <table class="delta-table">
        <thead>
          <tr>
            <th scope="col">{t('compare.metric')}</th>
            <th scope="col" class="number">{t('compare.current')}</th>
            <th scope="col" class="number">{t('compare.baseline')}</th>
            <th scope="col" class="number delta-cell">{t('compare.delta')}</th>
            <th scope="col" class="number">{t('compare.change')}</th>
            <th scope="col">{t('compare.verdict')}</th>
            {withUsual && <th scope="col" class="number usual-cell">{t('compare.usual')}</th>}
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const metric = metrics[name];
            return metric && <DeltaRow key={name} name={name} metric={metric} withUsual={withUsual} />;
          })}
        </tbody>
      </table>
    </div>
  );
}

function DeltaRow({ name, metric, withUsual }: { name: string; metric: MetricDelta; withUsual: boolean }) {
  const language = lang.value;
  return (
    <tr>
      <th scope="row">{metricName(name)}</th>
      <td class="number">{formatFigure(name, metric.current, language)}</td>
      <td class="number">{formatFigure(name, metric.baseline, language)}</td>
      <td class="number delta-cell">{formatDelta(name, metric.delta)}</td>
      <td class="number">{formatChange(metric.change, language)}</td>
      <td>
        <VerdictChip verdict={metric.verdict} />
      </td>
      {withUsual && (
        <td class="number usual-cell">
          {metric.usual
            ? `${formatFigure(name, metric.usual.low, language)} – ${formatFigure(name, metric.usual.high, language)}`
            : UNKNOWN}
        </td>
      )}
    </tr>
  );
}

const CHIP: Record<Verdict, [string, string]> = {
  faster: ['▾', 'faster'],
  slower: ['▴', 'slower'],
  similar: ['≈', 'same'],
  unclear: ['∼', 'same'],
  not_comparable: ['', 'same'],
};

function VerdictChip({ verdict }: { verdict: Verdict }) {
  const [mark, kind] = CHIP[verdict];
  return (
    <span class={`chip chip-${kind}`}>
      <span aria-hidden="true">{mark}</span> {t(`verdict.short.${verdict}`)}
    </span>
  );
}

export function DifferenceTable({ differs }: { differs: readonly Difference[] }) {
  if (differs.length === 0) return <p class="dim">{t('compare.differs.none')}</p>;
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={t('compare.differs')}>
      <table class="differ-table">
        <thead>
          <tr>
            <th scope="col">{t('compare.differs.what')}</th>
            <th scope="col">{t('compare.current')}</th>
            <th scope="col">{t('compare.baseline')}</th>
          </tr>
        </thead>
        <tbody>
          {differs.map((difference) => (
            <tr key={difference.what}>
              <th scope="row">{differenceName(difference.what)}</th>
              <td>
                <code>{difference.current ?? UNKNOWN}</code>
              </td>
              <td>
                <code>{difference.baseline ?? UNKNOWN}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function differenceName(what: string): string {
  const key = `differs.${what}`;
  return isKey(key) ? t(key) : what;
}
