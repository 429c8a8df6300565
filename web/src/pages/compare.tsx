/** Two runs side by side. */
import { useMemo, useState } from 'preact/hooks';
import { Refused, fetchComparison, fetchRun } from '../api';
import { useNow } from '../clock';
import { endAtLast, peakOf } from '../curve';
import { formatMemory, formatPercent, formatTick } from '../format';
import { useLoad } from '../load';
import { lang } from '../prefs';
import { type Route, go, hrefOf, permalink, runRoute } from '../route';
import { formatAlong, t } from '../speech';
import type { Align, Comparison, Lines, Run } from '../wire';
import { CommandText, CopyButton, Empty, Failed, PageTitle, Status, When } from '../parts/basics';
import { Chart, type Line } from '../parts/chart';
import { ZoomBar } from '../parts/curves';
import { DeltaTable, DifferenceTable } from '../parts/deltas';
import { Comments } from '../parts/runfacts';

type CompareRoute = Extract<Route, { page: 'compare' }>;

const SELECTORS = ['latest', 'latest-success', 'latest-failed', 'latest~1', 'slowest', 'fastest', 'median'];
const ALIGNS: readonly Align[] = ['time', 'percent', 'work'];

export function ComparePage({ route }: { route: CompareRoute }) {
  const { current, baseline, align } = route;
  const loaded = useLoad(
    async (signal) => (current === '' ? null : compared(current, baseline || 'latest-success', align, signal)),
    [current, baseline, align, lang.value],
  );
  const { value: comparison, error } = loaded;
  return (
    <>
      <div class="page-head">
        <PageTitle title={t('compare.title')} />
      </div>
      <Pickers key={`${current} ${baseline}`} route={route} />
      {current === '' && (
        <Empty title={t('empty.compare.title')}>
          <p>{t('empty.compare.text')}</p>
        </Empty>
      )}
      {current !== '' && error !== null && <NoComparison error={error} retry={loaded.reload} />}
      {current !== '' && error === null && comparison === null && (
        <p class="dim" role="status">
          {t('common.loading')}
        </p>
      )}
      {current !== '' && error === null && comparison !== null && <TwoRuns comparison={comparison} route={route} />}
    </>
  );
}

/** A is there, but there is no such B: the usual case of a command that ran once. */
class NoBaseline extends Error {
  constructor(readonly refused: Refused) {
    super(refused.message);
  }
}

async function compared(current: string, baseline: string, align: Align, signal: AbortSignal): Promise<Comparison> {
  try {
    return await fetchComparison(current, baseline, align, lang.value, signal);
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) throw error;
    await fetchRun(current, lang.value, signal);
    throw new NoBaseline(error);
  }
}

function NoComparison({ error, retry }: { error: unknown; retry: () => void }) {
  if (!(error instanceof NoBaseline)) return <Failed error={error} retry={retry} />;
  const { message, hint } = error.refused;
  return (
    <Empty title={t('empty.baseline.title')}>
      <p class="refusal">{message}</p>
      {hint !== null && <p class="refusal dim">{hint}</p>}
      <p>{t('empty.baseline.text')}</p>
    </Empty>
  );
}

function Pickers({ route }: { route: CompareRoute }) {
  const [current, setCurrent] = useState(route.current);
  const [baseline, setBaseline] = useState(route.baseline);
  const submit = (event: Event) => {
    event.preventDefault();
    // What the empty field shows is what it means.
    go({ ...route, current: current.trim() || 'latest', baseline: baseline.trim(), zoom: null });
  };
  return (
    <form class="pickers" onSubmit={submit}>
      <Picker name="a" label={t('compare.current.label')} value={current} onInput={setCurrent} empty="latest" />
      <Picker name="b" label={t('compare.baseline.label')} value={baseline} onInput={setBaseline} empty="latest-success" />
      <button type="submit" class="primary">
        {t('compare.go')}
      </button>
      <datalist id="selectors">
        {SELECTORS.map((selector) => (
          <option key={selector} value={selector} />
        ))}
      </datalist>
    </form>
  );
}

function Picker(props: { name: string; label: string; value: string; empty: string; onInput: (v: string) => void }) {
  return (
    <label class="picker">
      <span>{props.label}</span>
      <input
        type="text"
        name={props.name}
        list="selectors"
        value={props.value}
        placeholder={props.empty}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
    </label>
  );
}

function TwoRuns({ comparison, route }: { comparison: Comparison; route: CompareRoute }) {
  const fixed = { ...route, current: String(comparison.current.id), baseline: String(comparison.baseline.id) };
  return (
    <>
      <VerdictCard comparison={comparison} />
      {comparison.swapped && (
        <p class="swapped dim">{t('compare.swapped', { earlier: comparison.baseline.id, later: comparison.current.id })}</p>
      )}
      <div class="pair">
        <RunCard mark="a" run={comparison.current} />
        <RunCard mark="b" run={comparison.baseline} />
      </div>
      <p class="permalink">
        <CopyButton text={permalink(fixed)} label={t('compare.permalink')} />
      </p>
      <section aria-labelledby="metrics-title">
        <h2 id="metrics-title">{t('compare.metrics')}</h2>
        <DeltaTable comparison={comparison} />
      </section>
      <Overlaid comparison={comparison} route={route} />
      <section aria-labelledby="differs-title">
        <h2 id="differs-title">{t('compare.differs')}</h2>
        <DifferenceTable differs={comparison.differs} />
      </section>
    </>
  );
}

const VERDICT_MARK = { faster: '▾', slower: '▴', similar: '≈', unclear: '∼', not_comparable: '≠' } as const;

/** The verdict in short and in bpd's sentence, then what it rests on. */
function VerdictCard({ comparison }: { comparison: Comparison }) {
  const { verdict, comments } = comparison;
  const sentence = comments.find((comment) => comment.rule === 'verdict');
  const reasons = comments.filter((comment) => comment !== sentence);
  return (
    <div class={`verdict verdict-${verdict}`} role="status">
      <span class="verdict-mark" aria-hidden="true">
        {VERDICT_MARK[verdict]}
      </span>
      <div>
        <strong>{t(comparison.reasons.includes('outside-usual') ? 'verdict.outside_usual' : `verdict.${verdict}`)}</strong>
        {sentence && <p>{sentence.text}</p>}
        {reasons.length > 0 && <Comments comments={reasons} />}
      </div>
    </div>
  );
}

function RunCard({ mark, run }: { mark: 'a' | 'b'; run: Run }) {
  const now = useNow(60_000);
  return (
    <div class={`run-card run-card-${mark}`}>
      <span class="run-card-mark" aria-hidden="true">
        {mark.toUpperCase()}
      </span>
      <a href={hrefOf(runRoute(run.id))}>
        {t('run.title', { id: run.id })} <CommandText run={run} />
      </a>
      <span class="run-card-facts dim">
        <Status run={run} /> <When at={run.started_at} now={now} />
        {run.git?.branch != null && <span class="branch">{run.git.branch}</span>}
      </span>
    </div>
  );
}

function Overlaid({ comparison, route }: { comparison: Comparison; route: CompareRoute }) {
  const { series, align } = comparison;
  const language = lang.value;
  const names = [t('alerts.open_run', { id: comparison.current.id }), t('alerts.open_run', { id: comparison.baseline.id })];
  const [a = 'A', b = 'B'] = [`A · ${names[0]}`, `B · ${names[1]}`];
  const lines = useMemo(() => {
    // A rate holds for its whole interval, as on the run's own page.
    const pair = (field: 'cpu_percent' | 'rss_mb'): readonly Line[] => [
      { label: a, values: valuesOf(series.current, field), ink: 'a', stepped: field === 'cpu_percent' },
      { label: b, values: valuesOf(series.baseline, field), ink: 'b', dashed: true, stepped: field === 'cpu_percent' },
    ];
    return { cpu: pair('cpu_percent'), memory: pair('rss_mb') };
  }, [series, a, b]);

  const along = (value: number) => formatAlong(align, value, language);
  const onZoom = (zoom: CompareRoute['zoom']) => go({ ...route, zoom }, 'replace');
  const drawn = series.x.length >= 2;
  const summary = (name: string, pair: readonly Line[], format: (value: number) => string) =>
    t('chart.summary.compare', {
      name,
      a: comparison.current.id,
      b: comparison.baseline.id,
      peak_a: formatPeak(series.x, pair[0], format),
      peak_b: formatPeak(series.x, pair[1], format),
    });
  const common = {
    x: series.x,
    xName: t(`chart.axis.${align}`),
    formatX: along,
    formatTick: (value: number) => (align === 'percent' ? along(value) : formatTick(value, language)),
    sync: `compare ${align}`,
    zoom: route.zoom,
    onZoom,
    clock: align !== 'percent',
  };
  const percent = (value: number) => formatPercent(value, language);
  const memory = (value: number) => formatMemory(value, language);
  return (
    <section aria-labelledby="overlay-title">
      <div class="section-head">
        <h2 id="overlay-title">{t('compare.curves')}</h2>
        <AlignChoice route={route} />
      </div>
      {!drawn && <p class="dim">{t('chart.none')}</p>}
      {drawn && (
        <>
          <ZoomBar zoom={route.zoom} onZoom={onZoom} format={along} />
          <Chart
            {...common}
            name={t('chart.cpu')}
            unit={t('chart.cpu.unit')}
            summary={summary(t('chart.cpu'), lines.cpu, percent)}
            lines={lines.cpu}
            formatY={percent}
          />
          <Chart
            {...common}
            name={t('chart.memory')}
            unit={t('chart.memory.unit')}
            summary={summary(t('chart.memory'), lines.memory, memory)}
            lines={lines.memory}
            formatY={memory}
          />
        </>
      )}
    </section>
  );
}

function valuesOf(lines: Lines, field: keyof Lines): ReadonlyArray<number | null> {
  return field === 'rss_mb' ? endAtLast(lines.rss_mb) : lines.cpu_percent;
}

function formatPeak(x: readonly number[], line: Line | undefined, format: (value: number) => string): string {
  const peak = line ? peakOf(x, line.values) : null;
  return peak ? format(peak.value) : t('common.unknown');
}

function AlignChoice({ route }: { route: CompareRoute }) {
  return (
    <fieldset class="segments">
      <legend>{t('compare.align')}</legend>
      {ALIGNS.map((align) => (
        <label key={align} title={t(`compare.align.${align}.hint`)}>
          <input
            type="radio"
            name="align"
            value={align}
            checked={route.align === align}
            onChange={() => go({ ...route, align, zoom: null }, 'replace')}
          />
          <span>{t(`compare.align.${align}`)}</span>
        </label>
      ))}
    </fieldset>
  );
}

