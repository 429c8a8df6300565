/** Says that recording is paused, until when, and where. Nothing while it is not. */
import { useEffect, useState } from 'preact/hooks';
import { fetchStatus } from '../api';
import { formatClock } from '../format';
import { listen } from '../live';
import { useLoad } from '../load';
import { nextChange, pauseNote } from '../pause';
import { lang } from '../prefs';
import { t, tn } from '../speech';

/** That a paused shell is gone no stream tells; while one is shown, bpd is asked this often, ms. */
const ASK_MS = 10_000;

/** A longer timer would overflow, ms. */
const LONGEST_MS = 2 ** 31 - 1;

export function PauseBadge() {
  const status = useLoad((signal) => fetchStatus(signal), []);
  const [now, setNow] = useState(() => Date.now());
  const paused = status.value?.paused ?? [];
  useEffect(
    () =>
      listen((events) => {
        // Asked for anew: an answer that is still on its way may be older than the news.
        if (events.some((event) => event.kind === 'reset' || event.kind === 'paused')) status.reload();
      }),
    [status.reload],
  );
  const asks = paused.some((pause) => pause.shell !== null);
  useEffect(() => {
    if (!asks) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') status.reload();
    }, ASK_MS);
    return () => clearInterval(timer);
  }, [asks, status.reload]);
  useEffect(() => {
    setNow(Date.now());
    const next = nextChange(paused, Date.now());
    if (next === null) return undefined;
    const timer = setTimeout(() => setNow(Date.now()), Math.min(next + 1, LONGEST_MS));
    return () => clearTimeout(timer);
  }, [status.value]);
  const note = pauseNote(paused, now);
  const until = note?.until ? formatClock(note.until, now, lang.value) : null;
  const where = note === null ? '' : note.shells === 'all' ? t('pause.all') : tn('pause.shells', note.shells);
  return (
    <div role="status" class="pause-place">
      {note && (
        <span class="pause" title={where}>
          <span class="pause-mark" aria-hidden="true" />
          <span>
            <strong>{until === null ? t('pause.on') : t('pause.until', { time: until })}</strong>{' '}
            <span class="pause-where">{where}</span>
          </span>
        </span>
      )}
    </div>
  );
}
