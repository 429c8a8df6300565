/** The one stream of events: keeps it open, says how it is, hands on what came in batches, misses nothing. */
import { signal } from '@preact/signals';
import { Away, openEvents, sessionEnded } from './api';
import type { AlertReport, CurveGrew, PausesChanged, RunChanged } from './wire';

export type LiveEvent =
  | { readonly kind: 'started' | 'finished' | 'edited' | 'deleted'; readonly run: number }
  | ({ readonly kind: 'sampled' } & CurveGrew)
  | { readonly kind: 'alert'; readonly alert: AlertReport }
  /** Somebody paused or resumed: the pauses that are on. */
  | ({ readonly kind: 'paused' } & PausesChanged)
  /** Load everything anew: what was missed cannot be told. */
  | { readonly kind: 'reset' };

export type Connection = 'connecting' | 'live' | 'reconnecting' | 'offline' | 'paused';

export const connection = signal<Connection>('connecting');

const BATCH_MS = 250;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** After so many failures in a row it is no longer "reconnecting". */
const OFFLINE_AFTER = 3;

const KINDS = ['started', 'finished', 'edited', 'deleted', 'sampled', 'alert', 'paused', 'hello', 'reset'] as const;

/** How long to wait before attempt `failures`, ms: 0.5, 1, 2 … 15 s, with up to a fifth of scatter. */
export function backoff(failures: number, scatter: number): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, failures - 1));
  return Math.round(wait * (1 + scatter * 0.2));
}

/** An event as it came over the wire, or null when it cannot be read. */
export function readEvent(kind: string, data: string): LiveEvent | null {
  try {
    switch (kind) {
      case 'started':
      case 'finished':
      case 'edited':
      case 'deleted':
        return { kind, run: (JSON.parse(data) as RunChanged).run };
      case 'sampled':
        return { kind, ...(JSON.parse(data) as CurveGrew) };
      case 'alert':
        return { kind, alert: JSON.parse(data) as AlertReport };
      case 'paused':
        return { kind, ...(JSON.parse(data) as PausesChanged) };
      case 'reset':
        return { kind };
      default:
        return null;
    }
  } catch {
    return null;
  }
}

type Listener = (events: readonly LiveEvent[]) => void;
const listeners = new Set<Listener>();

/** Hears every batch until the returned function is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let source: EventSource | null = null;
let lastId: string | null = null;
let failures = 0;
let waiting: number | undefined;
let batch: LiveEvent[] = [];
let batching: number | undefined;
/** Raised with each connection and pause, so that a late answer of an older attempt is dropped. */
let attempt = 0;
let endSession: () => void = () => {};

function hand(): void {
  batching = undefined;
  const events = batch;
  batch = [];
  for (const listener of [...listeners]) listener(events);
}

function take(event: LiveEvent): void {
  batch.push(event);
  batching ??= window.setTimeout(hand, BATCH_MS);
}

function broke(): void {
  source?.close();
  source = null;
  failures += 1;
  connection.value = failures < OFFLINE_AFTER ? 'reconnecting' : 'offline';
  clearTimeout(waiting);
  waiting = window.setTimeout(() => void connect(), backoff(failures, Math.random()));
}

async function connect(): Promise<void> {
  const mine = ++attempt;
  const resumed = lastId;
  let opened: EventSource;
  try {
    opened = await openEvents(resumed);
  } catch (error) {
    if (mine !== attempt) return;
    if (sessionEnded(error)) endSession();
    else broke();
    return;
  }
  if (mine !== attempt) {
    opened.close();
    return;
  }
  source = opened;
  opened.addEventListener('open', () => {
    failures = 0;
    connection.value = 'live';
  });
  opened.addEventListener('error', () => {
    if (mine === attempt) broke();
  });
  for (const kind of KINDS) {
    opened.addEventListener(kind, (message) => {
      const { data, lastEventId } = message as MessageEvent<string>;
      if (lastEventId !== '') lastId = lastEventId;
      // A fresh stream says where it begins; what a page loaded before that may lack what came between.
      const event = kind === 'hello' ? ({ kind: 'reset' } as const) : readEvent(kind, data);
      if (event) take(event);
    });
  }
}

function pause(): void {
  attempt += 1;
  clearTimeout(waiting);
  source?.close();
  source = null;
  connection.value = 'paused';
}

/** Opens the stream, and closes it while nobody sees the page. `onSessionEnd` is told when bpd knows us no more. */
export function startLive(onSessionEnd: () => void): () => void {
  endSession = onSessionEnd;
  failures = 0;
  connection.value = 'connecting';
  const follow = () => {
    if (document.visibilityState === 'hidden') pause();
    else if (source === null) {
      clearTimeout(waiting);
      connection.value = lastId === null ? 'connecting' : 'reconnecting';
      void connect();
    }
  };
  const retry = () => {
    if (document.visibilityState === 'visible' && source === null) follow();
  };
  document.addEventListener('visibilitychange', follow);
  addEventListener('online', retry);
  follow();
  return () => {
    document.removeEventListener('visibilitychange', follow);
    removeEventListener('online', retry);
    pause();
  };
}

export function isAway(error: unknown): boolean {
  return error instanceof Away;
}
