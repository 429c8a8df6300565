/** The time, for what counts up on the page. */
import { useEffect, useState } from 'preact/hooks';

/** Seconds from an instant to `now`; 0 where no instant is known. */
export function secondsSince(at: string | null, now: number): number {
  return at === null ? 0 : (now - Date.parse(at)) / 1000;
}

/** Unix milliseconds, renewed every `everyMs` while the page is seen; null = as it was. */
export function useNow(everyMs: number | null): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    setNow(Date.now());
    if (everyMs === null) return undefined;
    const tick = () => {
      if (document.visibilityState === 'visible') setNow(Date.now());
    };
    const timer = setInterval(tick, everyMs);
    document.addEventListener('visibilitychange', tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', tick);
    };
  }, [everyMs]);
  return now;
}
