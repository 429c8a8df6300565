/** Says that recording is paused, until when, and where. Nothing while it is not. */
import { useEffect, useState } from 'preact/hooks';
import { fetchStatus } from '../api';
import { formatClock } from '../format';
import { useLoad } from '../load';
import { nextChange, pauseNote } from '../pause';
import { lang } from '../prefs';
import { t, tn } from '../speech';

/** A pause begins in a terminal, of which no stream tells; who looks at the page learns of it within this, ms. */
const ASK_MS = 10_000;

/** A longer timer would overflow, ms. */
const LONGEST_MS = 2 ** 31 - 1;

export function PauseBadge() {
  const status = useLoad((signal) => fetchStatus(signal), []);
  const [now, setNow] = useState(() => Date.now());
  const paused = status.value?.paused ?? [];
  useEffect(() => {
    const look = () => {
      if (document.visibilityState !== 'visible') return;
      status.reload();
      setNow(Date.now());
    };
    const timer = setInterval(look, ASK_MS);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [status.reload]);
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
