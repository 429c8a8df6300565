/** What burned: firing now, and what has ended. */
import { useNow } from '../clock';
import { ended, firing } from '../alerts';
import { formatDuration, formatPercent } from '../format';
import type { Loaded } from '../load';
import { lang } from '../prefs';
import { hrefOf, runRoute } from '../route';
import { t } from '../speech';
import type { AlertReport } from '../wire';
import { isKey } from '../words';
import { Empty, Failed, LevelMark, PageTitle, When } from '../parts/basics';

export function AlertsPage({ loaded }: { loaded: Loaded<readonly AlertReport[]> }) {
  const now = useNow(30_000);
  const alerts = loaded.value;
  const burning = firing(alerts ?? []);
  const over = ended(alerts ?? []);
  return (
    <>
      <div class="page-head">
        <PageTitle title={t('alerts.title')} />
      </div>
      {alerts === null && loaded.error !== null && <Failed error={loaded.error} retry={loaded.reload} />}
      {alerts === null && loaded.error === null && (
        <p class="dim" role="status">
          {t('common.loading')}
        </p>
      )}
      {alerts !== null && alerts.length === 0 && (
        <Empty title={t('empty.alerts.title')}>
          <p>{t('empty.alerts.text')}</p>
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
        <p class="alert-facts dim">
          <code>{alert.rule}</code>
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
