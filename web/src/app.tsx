/** The frame: pages, display settings, how the connection is, and what bp itself costs. */
import { useEffect, useState } from 'preact/hooks';
import { firing, mergeAlerts } from './alerts';
import { fetchAlerts, fetchOverhead } from './api';
import { type Lang, formatBytes, formatDuration, formatMemory, formatShare } from './format';
import { type Connection, connection, listen, startLive } from './live';
import { type Loaded, session, useLoad } from './load';
import { AlertsPage } from './pages/alerts';
import { ComparePage } from './pages/compare';
import { RunPage } from './pages/run';
import { RunsPage } from './pages/runs';
import { SignInPage } from './pages/signin';
import { Empty, PageTitle, TerminalLine } from './parts/basics';
import { PauseBadge } from './parts/pausebadge';
import { type Theme, lang, setLang, setTheme, theme } from './prefs';
import { ALERTS, type Route, RUNS, hrefOf, route } from './route';
import { t, tn } from './speech';
import type { AlertReport } from './wire';

export function App() {
  const known = session.value;
  if (known === 'opening') return null;
  if (known !== 'open') {
    return (
      <div class="frame frame-closed">
        <header class="rail">
          <Brand />
          <Settings />
        </header>
        <main id="content">
          <SignInPage />
        </main>
      </div>
    );
  }
  return <Open />;
}

function Open() {
  useEffect(() => startLive(() => (session.value = 'none')), []);
  const alerts = useLiveAlerts();
  const here = route.value;
  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={skip}>
        {t('app.skip')}
      </a>
      <header class="rail">
        <Brand />
        <Pages here={here} firing={firing(alerts.value ?? []).length} />
        <Settings />
        <PauseBadge />
        <Dot state={connection.value} />
      </header>
      <main id="content" tabIndex={-1}>
        <AwayBanner state={connection.value} />
        <Page here={here} alerts={alerts} />
      </main>
      <Foot />
    </div>
  );
}

/** A plain `#content` would be taken for a view. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

function Page({ here, alerts }: { here: Route; alerts: Loaded<readonly AlertReport[]> }) {
  switch (here.page) {
    case 'runs':
      return <RunsPage route={here} />;
    case 'run':
      return <RunPage key={here.run} route={here} />;
    case 'compare':
      return <ComparePage route={here} />;
    case 'alerts':
      return <AlertsPage route={here} everyones={alerts} />;
    case 'unknown':
      return (
        <>
          <PageTitle title={t('empty.page.title')} />
          <Empty title={t('empty.page.text')}>
            <a class="button" href={hrefOf(RUNS)}>
              {t('empty.page.back')}
            </a>
          </Empty>
        </>
      );
  }
}

/** Loaded once for the badge and the page, kept fresh by the stream. */
function useLiveAlerts(): Loaded<readonly AlertReport[]> {
  const loaded = useLoad<readonly AlertReport[]>((signal) => fetchAlerts('', lang.value, signal), [lang.value]);
  const [live, setLive] = useState<readonly AlertReport[]>([]);
  useEffect(
    () =>
      listen((events) => {
        if (events.some((event) => event.kind === 'reset')) loaded.reload();
        const more = events.filter((event) => event.kind === 'alert').map((event) => event.alert);
        if (more.length === 0) return;
        setLive((known) => mergeAlerts(known, more));
        // The stream's sentence may be in another language than the page.
        loaded.reload();
      }),
    [loaded.reload],
  );
  if (loaded.value === null) return loaded;
  const answered = new Map(loaded.value.map((alert) => [alert.uid, alert]));
  const newer = live.filter((alert) => {
    const told = answered.get(alert.uid);
    return !told || (told.ended_at === null && (alert.ended_at !== null || alert.above_s > told.above_s));
  });
  return { ...loaded, value: mergeAlerts(loaded.value, newer) };
}

function Brand() {
  return (
    <a class="brand" href={hrefOf(RUNS)}>
      <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" />
        <path d="M5 20h5l3-11 5 15 3-9 2 5h4" />
      </svg>
      <span>bp</span>
    </a>
  );
}

function Pages({ here, firing: count }: { here: Route; firing: number }) {
  const pages = [
    [RUNS, 'nav.runs', here.page === 'runs' || here.page === 'run'],
    [{ page: 'compare', current: '', baseline: '', align: 'time', zoom: null }, 'nav.compare', here.page === 'compare'],
    [ALERTS, 'nav.alerts', here.page === 'alerts'],
  ] as const satisfies ReadonlyArray<readonly [Route, unknown, boolean]>;
  return (
    <nav aria-label={t('nav.label')}>
      {pages.map(([to, name, current]) => (
        <a key={to.page} href={hrefOf(to)} aria-current={current ? 'page' : undefined}>
          {t(name)}
          {to.page === 'alerts' && count > 0 && (
            <span class="badge" title={tn('nav.firing', count)}>
              <span aria-hidden="true">{count}</span>
              <span class="sr">{tn('nav.firing', count)}</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}

const LANGS: ReadonlyArray<readonly [Lang, string]> = [
  ['tr', 'Türkçe'],
  ['en', 'English'],
];
const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

function Settings() {
  return (
    <div class="settings" role="group" aria-label={t('settings.label')}>
      <select
        aria-label={t('settings.language')}
        value={lang.value}
        onChange={(event) => setLang(event.currentTarget.value as Lang)}
      >
        {LANGS.map(([code, name]) => (
          <option key={code} value={code} lang={code} selected={lang.value === code}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label={t('settings.theme')}
        value={theme.value}
        onChange={(event) => setTheme(event.currentTarget.value as Theme)}
      >
        {THEMES.map((name) => (
          <option key={name} value={name} selected={theme.value === name}>
            {t(`theme.${name}`)}
          </option>
        ))}
      </select>
    </div>
  );
}

function Dot({ state }: { state: Connection }) {
  return (
    <span class={`connection connection-${state}`} role="status" title={t(`live.${state}`)}>
      <span class="dot" aria-hidden="true" />
      <span class="connection-word">{t(`live.${state}`)}</span>
    </span>
  );
}

function AwayBanner({ state }: { state: Connection }) {
  if (state !== 'offline') return null;
  return (
    <div class="banner" role="alert">
      <strong>{t('away.title')}</strong>
      <span>{t('away.text')}</span>
      <TerminalLine line="bpctl daemon start" />
    </div>
  );
}

/** Runs that end together are one reason to ask what bp costs, ms. */
const FOOT_MS = 2000;

/** An observer that does not say what it costs is not believed. */
function Foot() {
  const overhead = useLoad((signal) => fetchOverhead(signal), []);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') overhead.reload();
    }, 60_000);
    return () => clearInterval(timer);
  }, [overhead.reload]);
  useEffect(() => {
    let soon: number | undefined;
    const stop = listen((events) => {
      if (!events.some((event) => event.kind === 'finished' || event.kind === 'deleted' || event.kind === 'reset')) return;
      // Else it would count fewer runs than the list above it.
      soon ??= window.setTimeout(() => {
        soon = undefined;
        overhead.reload();
      }, FOOT_MS);
    });
    return () => {
      stop();
      clearTimeout(soon);
    };
  }, [overhead.reload]);
  const cost = overhead.value;
  const language = lang.value;
  const percent = cost ? formatShare(cost.cpu_seconds, cost.commands_cpu_seconds, language) : null;
  const share = percent === null ? '' : t('overhead.share', { percent });
  return (
    <footer>
      {cost &&
        tn('overhead.sentence', cost.runs, {
          cpu: formatDuration(cost.cpu_seconds, language),
          share,
          rss: formatMemory(cost.rss_mb, language),
          disk: formatBytes(cost.disk_bytes, language),
        })}
    </footer>
  );
}
