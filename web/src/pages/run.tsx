/** One run: what it was, what it has cost, and when. */
import { useEffect, useState } from 'preact/hooks';
import { fetchRun, fetchSamples } from '../api';
import { secondsSince, useNow } from '../clock';
import { appendPoints, curveOrigin } from '../curve';
import { formatElapsed } from '../format';
import { listen } from '../live';
import { useLoad } from '../load';
import { lang } from '../prefs';
import { type Route, type Zoom, RUNS, compareRoute, go, hrefOf } from '../route';
import { commandOf, t } from '../speech';
import { isOpen } from '../state';
import type { Point, Run } from '../wire';
import { CopyButton, Empty, Failed, PageTitle, Status } from '../parts/basics';
import { RunCurves } from '../parts/curves';
import { DeleteButton, LabelEditor } from '../parts/runedit';
import { Children, childrenOf } from '../parts/children';
import { Comments, Details, Facts, Figures, MachineContext } from '../parts/runfacts';

type RunRoute = Extract<Route, { page: 'run' }>;

/** More points than pixels; a longer curve is asked for again where it is looked at closely. */
const MAX_POINTS = 3000;
/** Figures of a running run are asked for anew this often at most, ms. */
const FIGURES_MS = 2000;

export function RunPage({ route }: { route: RunRoute }) {
  const loaded = useLoad((signal) => fetchRun(route.run, lang.value, signal), [route.run, lang.value]);
  const [gone, setGone] = useState<number | null>(null);
  const run = loaded.value;
  const id = run?.id ?? null;

  useEffect(() => {
    let timer: number | undefined;
    const soon = () => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        loaded.reload();
      }, FIGURES_MS);
    };
    const stop = listen((events) => {
      for (const event of events) {
        if (event.kind === 'reset') loaded.reload();
        else if (!('run' in event) || event.run !== id) continue;
        else if (event.kind === 'deleted') setGone(event.run);
        else if (event.kind === 'sampled') soon();
        else loaded.reload();
      }
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [id, loaded.reload]);

  if (gone !== null && gone === id) {
    return (
      <>
        <PageTitle title={t('run.title', { id: gone })} />
        <Empty title={t('run.deleted', { id: gone })}>
          <a class="button" href={hrefOf(RUNS)}>
            {t('empty.page.back')}
          </a>
        </Empty>
      </>
    );
  }
  if (!run) {
    return (
      <>
        <PageTitle title={t('run.title', { id: route.run })} />
        {loaded.error === null ? (
          <p class="dim" role="status">
            {t('common.loading')}
          </p>
        ) : (
          <Failed error={loaded.error} retry={loaded.reload} />
        )}
      </>
    );
  }
  return <OneRun run={run} route={route} onChange={loaded.reload} />;
}

function OneRun({ run, route, onChange }: { run: Run; route: RunRoute; onChange: () => void }) {
  const running = isOpen(run);
  const now = useNow(running ? 1000 : null);
  const children = childrenOf(run.children, run.rest);
  const elapsed = running ? formatElapsed(secondsSince(run.started_at, now)) : null;
  return (
    <>
      <header class="run-head-block">
        <div class="run-line">
          <PageTitle title={`${run.id} ${commandOf(run).slice(0, 80)}`}>{t('run.title', { id: run.id })}</PageTitle>
          <Status run={run} long />
          <div class="actions">
            {!run.imported && (
              <a class="button" href={hrefOf(compareRoute(run.id, 'latest-success'))}>
                {t('run.compare')}
              </a>
            )}
            <a class="button" href={hrefOf({ page: 'runs', q: `key:${run.key}`, selected: [] })}>
              {t('run.same')}
            </a>
            <DeleteButton run={run} />
          </div>
        </div>
        <div class="whole-command">
          <pre tabIndex={0} aria-label={t('column.command')}>
            {commandOf(run)}
          </pre>
          {run.command !== null && <CopyButton text={run.command} />}
        </div>
        <Facts run={run} />
      </header>

      {run.comments.length > 0 && (
        <section aria-labelledby="comments-title">
          <h2 id="comments-title">{t('run.comments')}</h2>
          <Comments comments={run.comments} />
        </section>
      )}
      <section aria-labelledby="figures-title">
        <h2 id="figures-title">{t('run.figures')}</h2>
        {run.run_stats ? (
          <>
            <Figures stats={run.run_stats} running={running} elapsed={elapsed} />
            <Details stats={run.run_stats} />
          </>
        ) : (
          <p class="dim">{t(running ? 'run.no_figures' : run.imported ? 'run.no_figures.imported' : 'run.no_figures.ended')}</p>
        )}
      </section>
      <Curves run={run} zoom={route.zoom} />
      {children.length > 0 && (
        <section aria-labelledby="children-title">
          <h2 id="children-title">{t('run.children')}</h2>
          <Children rows={children} total={run.run_stats?.cpu_seconds ?? null} />
        </section>
      )}
      {run.context !== null && Object.values(run.context).some((value) => value != null) && (
        <section aria-labelledby="context-title">
          <h2 id="context-title">{t('run.context')}</h2>
          <MachineContext context={run.context} />
        </section>
      )}
      <section aria-labelledby="label-title">
        <h2 id="label-title">{t('run.label')}</h2>
        <LabelEditor run={run} onChange={onChange} />
      </section>
      <RawJson run={run} />
    </>
  );
}

/** The curve so far, and what the stream adds to it; no curve is drawn from less than two samples. */
function Curves({ run, zoom }: { run: Run; zoom: Zoom | null }) {
  const whole = useLoad((signal) => fetchSamples(run.id, MAX_POINTS, {}, signal), [run.id, run.state]);
  const [live, setLive] = useState<readonly Point[]>([]);
  useEffect(() => {
    setLive([]);
    return listen((events) => {
      for (const event of events) {
        if (event.kind === 'reset') whole.reload();
        if (event.kind !== 'sampled' || event.run !== run.id) continue;
        if (event.points.length === 0) whole.reload();
        else setLive((known) => appendPoints(known, event.points));
      }
    });
  }, [run.id, whole.reload]);

  const base = whole.value ?? [];
  const thinned = (run.run_stats?.samples ?? 0) > MAX_POINTS;
  const close = useCloseUp(run, base, thinned ? zoom : null);
  const points = close ?? appendPoints(base, live);
  if (points.length < 2) return null;
  const onZoom = (next: Zoom | null) => go({ page: 'run', run: String(run.id), zoom: next }, 'replace');
  return (
    <section aria-labelledby="curves-title">
      <h2 id="curves-title">{t('run.curves')}</h2>
      <RunCurves run={run} points={points} zoom={zoom} onZoom={onZoom} />
    </section>
  );
}

/** A thinned curve in full where it is zoomed into; null = not needed or not here yet. */
function useCloseUp(run: Run, base: readonly Point[], zoom: Zoom | null): readonly Point[] | null {
  const origin = curveOrigin(base, run);
  const [from, to] = zoom ?? [null, null];
  const part = useLoad(
    async (signal) => {
      if (from === null || base.length === 0) return null;
      const window = { from: origin + from, to: origin + to };
      return { from, to, points: await fetchSamples(run.id, MAX_POINTS, window, signal) };
    },
    [run.id, from, to, origin],
  );
  const { value } = part;
  if (from === null || !value || value.from !== from || value.to !== to || value.points.length < 2) return null;
  const start = value.points[0]?.ts ?? 0;
  const end = value.points.at(-1)?.ts ?? 0;
  return [...base.filter((point) => point.ts < start), ...value.points, ...base.filter((point) => point.ts > end)];
}

function RawJson({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const text = open ? JSON.stringify(run, null, 2) : '';
  return (
    <details class="raw" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('run.raw')}</summary>
      {open && (
        <>
          <CopyButton text={text} />
          <pre tabIndex={0} aria-label={t('run.raw')}>
            {text}
          </pre>
        </>
      )}
    </details>
  );
}
