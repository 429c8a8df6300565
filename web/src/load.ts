/** Loading in a component: value, error, and once more when the connection is back. */
import { signal } from '@preact/signals';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { sessionEnded } from './api';
import { connection, isAway } from './live';

/** Whether this page may ask for data. `refused` = a code was given and not accepted. */
export type SessionState = 'opening' | 'open' | 'none' | 'refused';

export const session = signal<SessionState>('opening');

export interface Loaded<T> {
  readonly value: T | null;
  readonly error: unknown;
  readonly reload: () => void;
}

/**
 * Asks for something, again whenever `deps` change. While a new answer is awaited the old value stays, so that
 * nothing jumps.
 */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: readonly unknown[]): Loaded<T> {
  const [value, set] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    const abort = new AbortController();
    latest.current(abort.signal).then(
      (answer) => {
        if (abort.signal.aborted) return;
        set(() => answer);
        setError(null);
      },
      (failure: unknown) => {
        if (abort.signal.aborted) return;
        if (sessionEnded(failure)) session.value = 'none';
        else setError(() => failure);
      },
    );
    return () => abort.abort();
  }, [...deps, round]);

  const reload = useCallback(() => setRound((n) => n + 1), []);

  const away = isAway(error);
  useEffect(() => {
    if (!away) return undefined;
    return connection.subscribe((now) => {
      if (now === 'live') reload();
    });
  }, [away, reload]);

  return { value, error, reload };
}
