/** What burned: firing now, and what has ended. */
import { ended, firing } from '../alerts';
import { fetchAlerts } from '../api';
import { useNow } from '../clock';
import { formatDuration, formatPercent } from '../format';
import { type Loaded, useLoad } from '../load';
import { lang } from '../prefs';
import { ALERTS, type Route, go, hrefOf, runRoute } from '../route';
import { actorName, t } from '../speech';
import type { AlertReport } from '../wire';
import { isKey } from '../words';
import { ActorPick } from '../parts/actorpick';
import { Empty, Failed, LevelMark, PageTitle, When } from '../parts/basics';

type AlertsRoute = Extract<Route, { page: 'alerts' }>;

export function AlertsPage({ route, everyones }: { route: AlertsRoute; everyones: Loaded<readonly AlertReport[]> }) {
  const now = useNow(30_000);
  const loaded = useAlertsOf(route.actor, everyones);
  const alerts = loaded.value;
  const burning = firing(alerts ?? []);
  const over = ended(alerts ?? []);
  return (
    <>
      <div class="page-head">
        <PageTitle title={t('alerts.title')} />
        <ActorPick asked={route.actor} onPick={(actor) => go({ ...route, actor })} />
      </div>
      {alerts === null && loaded.error !== null && <Failed error={loaded.error} retry={loaded.reload} />}
      {alerts === null && loaded.error === null && (
        <p class="dim" role="status">
          {t('common.loading')}
        </p>
      )}
      {alerts !== null && alerts.length === 0 && route.actor === '' && (
        <Empty title={t('empty.alerts.title')}>
          <p>{t('empty.alerts.text')}</p>
        </Empty>
      )}
      {alerts !== null && alerts.length === 0 && route.actor !== '' && (
        <Empty title={t('empty.alerts.actor')}>
          <a class="button" href={hrefOf(ALERTS)}>
            {t('empty.alerts.clear')}
          </a>
        </Empty>
      )}
      {alerts !== null && alerts.length > 0 && (
        <section aria-labelledby="firing-title" aria-live="polite">
          <h2 id="firing-title">{t('alerts.firing')}</h2>
          {burning.length === 0 ? <p class="dim">{t('alerts.none_firing')}</p> : <AlertList alerts={burning} now={now} />}
        </section>
      )}
      {over.length > 0 && (
        <section aria-labelledby="ended-title">
          <h2 id="ended-title">{t('alerts.ended')}</h2>
          <AlertList alerts={over} now={now} />
        </section>
      )}
    </>
  );
}

/** Everybody's are known to the frame, which keeps them fresh; one actor's are asked for whenever those change. */
function useAlertsOf(actor: string, everyones: Loaded<readonly AlertReport[]>): Loaded<readonly AlertReport[]> {
  const one = useLoad<Told | null>(
    async (signal) => (actor === '' ? null : { actor, alerts: await fetchAlerts(actor, lang.value, signal) }),
    [actor, lang.value, newsOf(everyones.value ?? [])],
  );
  if (actor === '') return everyones;
  return { ...one, value: one.value?.actor === actor ? one.value.alerts : null };
}

interface Told {
  readonly actor: string;
  readonly alerts: readonly AlertReport[];
}

/** Changes with whatever a row shows. */
function newsOf(alerts: readonly AlertReport[]): string {
  return alerts.map((alert) => `${alert.uid} ${alert.ended_at} ${alert.above_s} ${alert.delivery}`).join();
}

function AlertList({ alerts, now }: { alerts: readonly AlertReport[]; now: number }) {
  return (
    <ul class="alerts">
      {alerts.map((alert) => (
        <OneAlert key={alert.uid} alert={alert} now={now} />
      ))}
    </ul>
  );
}

/** Whether a notice was shown, or why not; a code of a newer bpd is shown as it is. */
export function deliveryOf(delivery: string | null): string {
  if (delivery === null) return t('alerts.delivery.waiting');
  const key = `alerts.delivery.${delivery}`;
  return isKey(key) ? t(key) : delivery;
}

function OneAlert({ alert, now }: { alert: AlertReport; now: number }) {
  const language = lang.value;
  return (
    <li class={`alert alert-${alert.level} ${alert.ended_at === null ? 'alert-firing' : ''}`}>
      <LevelMark level={alert.level} />
      <div class="alert-body">
        <p class="alert-text">{alert.text}</p>
        {alert.line !== null && (
          <p class="alert-line">
            <code>{alert.line}</code>
          </p>
        )}
        <p class="alert-facts dim">
          <code>{alert.rule}</code>
          {alert.actor !== null && alert.actor !== 'human' && <span class="tag tag-actor">{actorName(alert.actor)}</span>}
          <When at={alert.fired_at} now={now} />
          <span>
            {t('alerts.above', {
              duration: formatDuration(alert.above_s, language),
              threshold: formatPercent(alert.threshold, language),
            })}
          </span>
          <span>{t('alerts.peak', { peak: formatPercent(alert.peak, language) })}</span>
          <span>{deliveryOf(alert.delivery)}</span>
        </p>
      </div>
      {alert.run !== null && (
        <a class="button" href={hrefOf(runRoute(alert.run))}>
          {t('alerts.open_run', { id: alert.run })}
        </a>
      )}
    </li>
  );
}
