/** The HTTP door as functions. The only module that fetches or opens an event stream. */
import type { Lang } from './format';
import type { OPEN_STATES } from './state';
import type {
  AlertReport,
  Align,
  Comparison,
  Edit,
  Failure,
  Overhead,
  Point,
  Run,
  SessionOpened,
  Status,
  Ticket,
} from './wire';

/** bpd refused, in its own words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null,
  ) {
    super(message);
  }
}

/** bpd did not answer at all. */
export class Away extends Error {
  constructor(cause: unknown) {
    super('bpd does not answer', { cause });
  }
}

/** The half of a session that belongs to this page alone; the cookie is the other. Kept over reloads of the tab. */
const NONCE = 'bp.nonce';

let nonce = sessionStorage.getItem(NONCE);

export function hasSession(): boolean {
  return nonce !== null;
}

function forgetSession(): void {
  nonce = null;
  sessionStorage.removeItem(NONCE);
}

type Query = Readonly<Record<string, string | number | null | undefined>>;

function pathWith(path: string, query: Query): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value != null && value !== '') asked.set(name, String(value));
  }
  const text = asked.toString();
  return text === '' ? path : `${path}?${text}`;
}

async function refusal(answer: Response): Promise<Refused> {
  try {
    const { error } = (await answer.json()) as Failure;
    return new Refused(answer.status, error.code, error.message, error.hint ?? null);
  } catch {
    return new Refused(answer.status, 'unreadable', `${answer.status} ${answer.statusText}`, null);
  }
}

async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  // What bpd says is said in the language of the page, whatever the browser prefers.
  const headers = new Headers({ Accept: 'application/json', 'Accept-Language': document.documentElement.lang || 'en' });
  if (nonce !== null) headers.set('X-Bp-Nonce', nonce);
  if (method !== 'GET') headers.set('Content-Type', 'application/json');
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Away(error);
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask('GET', path, undefined, signal)).json() as Promise<T>;
}

/** Redeems a one-time code. */
export async function openSession(code: string): Promise<void> {
  const opened = (await (await ask('POST', '/session', { code })).json()) as SessionOpened;
  nonce = opened.nonce;
  sessionStorage.setItem(NONCE, nonce);
}

/** Whether an error means that there is no session any more; if so it is forgotten. */
export function sessionEnded(error: unknown): boolean {
  if (!(error instanceof Refused) || error.status !== 401) return false;
  forgetSession();
  return true;
}

export interface RunPage {
  readonly runs: readonly Run[];
  /** Cursor of the next page; null = this is the last. */
  readonly next: string | null;
}

/** The cursor in `Link: </runs?before=C>; rel="next"`. */
export function nextCursor(link: string | null): string | null {
  for (const part of (link ?? '').split(/,\s*(?=<)/)) {
    const match = /^<([^>]*)>\s*;.*\brel="?next"?/.exec(part.trim());
    if (match) return new URLSearchParams(match[1]?.split(/\?(.*)/s)[1] ?? '').get('before');
  }
  return null;
}

export interface RunFilter {
  readonly q?: string;
  readonly state?: (typeof OPEN_STATES)[number];
  readonly key?: string;
  readonly limit?: number;
  readonly before?: string | null;
}

export async function fetchRuns(filter: RunFilter, lang: Lang, signal?: AbortSignal): Promise<RunPage> {
  const answer = await ask('GET', pathWith('/runs', { ...filter, lang }), undefined, signal);
  return { runs: (await answer.json()) as Run[], next: nextCursor(answer.headers.get('Link')) };
}

const runPath = (run: string | number, rest = '') => `/runs/${encodeURIComponent(run)}${rest}`;

/** `run` is an id or any selector. */
export function fetchRun(run: string | number, lang: Lang, signal?: AbortSignal): Promise<Run> {
  return get(pathWith(runPath(run), { lang }), signal);
}

/** At most `maxPoints` of the run's curve, peaks kept; `from` and `to` in Unix seconds. */
export function fetchSamples(
  run: number,
  maxPoints: number,
  window: { from?: number; to?: number } = {},
  signal?: AbortSignal,
): Promise<Point[]> {
  return get(pathWith(runPath(run, '/samples'), { max_points: maxPoints, ...window }), signal);
}

export function fetchComparison(
  current: string,
  baseline: string,
  align: Align,
  lang: Lang,
  signal?: AbortSignal,
): Promise<Comparison> {
  return get(pathWith('/compare', { current, baseline, align, lang }), signal);
}

/** `actor` = whose runs they are about; empty = anybody's. */
export function fetchAlerts(actor: string, lang: Lang, signal?: AbortSignal): Promise<AlertReport[]> {
  return get(pathWith('/alerts', { actor, lang }), signal);
}

export function fetchStatus(signal?: AbortSignal): Promise<Status> {
  return get('/api/system/health/detailed', signal);
}

export function fetchOverhead(signal?: AbortSignal): Promise<Overhead> {
  return get('/api/system/overhead', signal);
}

export async function editRun(run: number, edit: Edit): Promise<void> {
  await ask('PATCH', runPath(run), edit);
}

export async function deleteRun(run: number): Promise<void> {
  await ask('DELETE', runPath(run));
}

/** A stream of events; each ticket admits one connection, so a broken stream is not reopened by the browser. */
export async function openEvents(lastEventId: string | null): Promise<EventSource> {
  const { ticket } = (await (await ask('POST', '/session/ticket', {})).json()) as Ticket;
  return new EventSource(pathWith('/events', { ticket, last_event_id: lastEventId }));
}
