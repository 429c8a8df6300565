/** The list of runs, loaded, kept fresh by the stream, and held still while someone reads further down. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { fetchRun, fetchRuns, fetchSamples, sessionEnded } from '../api';
import { appendPoints } from '../curve';
import type { Lang } from '../format';
import { type LiveEvent, connection, isAway, listen } from '../live';
import { session } from '../load';
import { EMPTY, type RunList, extend, fromPages, refresh, remove, settle, stale, unseen, update } from '../runlist';
import { OPEN_STATES } from '../state';
import type { Point } from '../wire';

const FIRST_PAGE = 50;
const OLDER_PAGE = 250;
const MAX_RUNNING = 200;
/** Many events may ask for the newest page; it is fetched this often at most, ms. */
const REFRESH_MS = 400;
const SPARK_POINTS = 90;
/** Who is this near to the top sees new rows arrive, px. */
const AT_TOP = 40;

export interface LiveRuns {
  readonly list: RunList;
  readonly loaded: boolean;
  readonly error: unknown;
  readonly waiting: number;
  readonly points: ReadonlyMap<number, readonly Point[]>;
  readonly reload: () => void;
  readonly older: () => void;
  readonly showWaiting: () => void;
}

export function useLiveRuns(q: string, lang: Lang): LiveRuns {
  const [list, setList] = useState<RunList>(EMPTY);
  const [loaded, setLoaded] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [points, setPoints] = useState<ReadonlyMap<number, readonly Point[]>>(new Map());
  /** The list as the asynchronous parts know it. */
  const latest = useRef(list);
  const put = useCallback((next: RunList) => {
    latest.current = next;
    setList(next);
  }, []);

  const failed = useCallback((failure: unknown) => {
    if (failure instanceof DOMException && failure.name === 'AbortError') return;
    if (sessionEnded(failure)) session.value = 'none';
    else setError(() => failure);
  }, []);

  const load = useCallback(
    async (how: 'anew' | 'refresh', abort: AbortSignal) => {
      try {
        const [newest, ...pages] = await Promise.all([
          fetchRuns({ q, limit: FIRST_PAGE }, lang, abort),
          ...OPEN_STATES.map((state) => fetchRuns({ q, state, limit: MAX_RUNNING }, lang, abort)),
        ]);
        if (abort.aborted) return;
        const open = pages.flatMap((page) => page.runs);
        let next = how === 'anew' ? fromPages(open, newest) : refresh(latest.current, open, newest);
        const answered = new Set([...newest.runs, ...open].map((run) => run.id));
        for (const id of stale(next, answered)) {
          const run = await fetchRun(id, lang, abort).catch(() => null);
          next = run ? update(next, run) : remove(next, id);
        }
        if (abort.aborted) return;
        put(how === 'anew' || scrollY < AT_TOP ? settle(next) : next);
        setLoaded(true);
        setError(null);
      } catch (failure) {
        if (!abort.aborted) failed(failure);
      }
    },
    [q, lang, put, failed],
  );

  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    void load('anew', abort.signal);
    let timer: number | undefined;
    const soon = () => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        void load('refresh', abort.signal);
      }, REFRESH_MS);
    };
    const stop = listen((events) => {
      let changed = false;
      for (const event of events) {
        if (event.kind === 'deleted') put(remove(latest.current, event.run));
        // Who reads further down keeps the place; a list made anew would be shorter.
        else if (event.kind === 'reset') void load(scrollY < AT_TOP ? 'anew' : 'refresh', abort.signal);
        else if (event.kind === 'edited') void editedRun(event.run, abort.signal);
        else if (event.kind === 'started' || event.kind === 'finished') changed = true;
      }
      if (changed) soon();
      setPoints((known) => grown(known, events));
    });
    const editedRun = async (id: number, signal: AbortSignal) => {
      if (!latest.current.known.has(id)) return;
      const run = await fetchRun(id, lang, signal).catch(() => null);
      if (run && !signal.aborted) put(update(latest.current, run));
    };
    return () => {
      abort.abort();
      clearTimeout(timer);
      stop();
    };
  }, [load, round, lang, put]);

  // A run's curve so far is asked for once; the stream brings the rest.
  const asked = useRef(new Set<number>());
  useEffect(() => {
    for (const id of list.running) {
      if (asked.current.has(id)) continue;
      asked.current.add(id);
      fetchSamples(id, SPARK_POINTS).then(
        (curve) => setPoints((known) => new Map(known).set(id, appendPoints(curve, known.get(id) ?? []))),
        () => asked.current.delete(id),
      );
    }
  }, [list.running]);

  const away = isAway(error);
  useEffect(() => {
    if (!away) return undefined;
    return connection.subscribe((now) => {
      if (now === 'live') setRound((n) => n + 1);
    });
  }, [away]);

  const fetching = useRef(false);
  const older = useCallback(() => {
    const cursor = latest.current.next;
    if (cursor === null || fetching.current) return;
    fetching.current = true;
    fetchRuns({ q, limit: OLDER_PAGE, before: cursor }, lang)
      .then((page) => {
        if (latest.current.next === cursor) put(extend(latest.current, page));
      }, failed)
      .finally(() => {
        fetching.current = false;
      });
  }, [q, lang, put, failed]);

  return {
    list,
    loaded,
    error,
    waiting: unseen(list),
    points,
    reload: () => setRound((n) => n + 1),
    older,
    showWaiting: () => put(settle(latest.current)),
  };
}

/** What the stream brought added to the curves that are drawn. */
function grown(known: ReadonlyMap<number, readonly Point[]>, events: readonly LiveEvent[]) {
  let next: Map<number, readonly Point[]> | null = null;
  for (const event of events) {
    if (event.kind !== 'sampled' || event.points.length === 0) continue;
    next ??= new Map(known);
    next.set(event.run, appendPoints(next.get(event.run) ?? [], event.points).slice(-SPARK_POINTS));
  }
  return next ?? known;
}
