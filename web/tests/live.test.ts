import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { anAlert } from './fixtures';

/** The browser's EventSource as far as the page uses it. */
class Stream extends EventTarget {
  static opened: Stream[] = [];
  closed = false;
  constructor(readonly url: string) {
    super();
    Stream.opened.push(this);
  }
  close() {
    this.closed = true;
  }
  send(kind: string, data: unknown, lastEventId = '') {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data), lastEventId }));
  }
  static get latest(): Stream {
    const stream = Stream.opened.at(-1);
    if (!stream) throw new Error('no stream was opened');
    return stream;
  }
}

let answers: Array<() => Response>;
let tickets: number;

async function start() {
  const live = await import('../src/live');
  const batches: unknown[] = [];
  const ended = vi.fn();
  live.listen((events) => batches.push(events));
  const stop = live.startLive(ended);
  await vi.advanceTimersByTimeAsync(0);
  return { live, batches, ended, stop };
}

function see(state: 'visible' | 'hidden') {
  Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers();
  Stream.opened = [];
  tickets = 0;
  answers = [];
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('fetch', async () => answers.shift()?.() ?? Response.json({ ticket: `T${++tickets}` }, { status: 201 }));
  see('visible');
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the stream', () => {
  it('is opened with a ticket and says when it is live', async () => {
    const { live, stop } = await start();
    expect(Stream.latest.url).toBe('/events?ticket=T1');
    expect(live.connection.value).toBe('connecting');
    Stream.latest.dispatchEvent(new Event('open'));
    expect(live.connection.value).toBe('live');
    stop();
  });

  it('hands events on in batches', async () => {
    const { batches, stop } = await start();
    Stream.latest.send('started', { run: 7 }, 'a1');
    Stream.latest.send('sampled', { run: 7, points: [], cpu_seconds: 1.5 }, 'a2');
    expect(batches).toEqual([]);
    await vi.advanceTimersByTimeAsync(250);
    expect(batches).toEqual([
      [
        { kind: 'started', run: 7 },
        { kind: 'sampled', run: 7, points: [], cpu_seconds: 1.5 },
      ],
    ]);
    stop();
  });

  it('goes on where it broke, with a new ticket and the last id that was seen', async () => {
    const { live, stop } = await start();
    Stream.latest.dispatchEvent(new Event('open'));
    Stream.latest.send('finished', { run: 7 }, 'b/9');
    const broken = Stream.latest;
    broken.dispatchEvent(new Event('error'));
    expect(broken.closed).toBe(true);
    expect(live.connection.value).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(1000);
    expect(Stream.latest.url).toBe('/events?ticket=T2&last_event_id=b%2F9');
    stop();
  });

  it('asks for everything anew after a fresh start and after a reset', async () => {
    const { batches, stop } = await start();
    Stream.latest.send('hello', {}, 'c1');
    await vi.advanceTimersByTimeAsync(250);
    Stream.latest.send('reset', {}, 'c2');
    await vi.advanceTimersByTimeAsync(250);
    expect(batches).toEqual([[{ kind: 'reset' }], [{ kind: 'reset' }]]);
    stop();
  });

  it('waits longer each time while bpd is away, and says that it is offline', async () => {
    const { live, stop } = await start();
    const away = () => {
      throw new TypeError('connection refused');
    };
    answers = [away, away, away, away];
    Stream.latest.dispatchEvent(new Event('error'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(live.connection.value).toBe('offline');
    expect(answers).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(20_000);
    Stream.latest.dispatchEvent(new Event('open'));
    expect(live.connection.value).toBe('live');
    stop();
  });

  it('rests while nobody sees the page and misses nothing', async () => {
    const { live, stop } = await start();
    Stream.latest.send('started', { run: 7 }, 'd1');
    see('hidden');
    expect(Stream.latest.closed).toBe(true);
    expect(live.connection.value).toBe('paused');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(Stream.opened).toHaveLength(1);
    see('visible');
    await vi.advanceTimersByTimeAsync(0);
    expect(Stream.latest.url).toBe('/events?ticket=T2&last_event_id=d1');
    stop();
  });

  it('ends when the session has ended, and does not try again', async () => {
    const refused = { error: { code: 'session_unknown', message: 'this session has ended' } };
    answers = [() => Response.json(refused, { status: 401 })];
    const { ended, stop } = await start();
    expect(ended).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(Stream.opened).toHaveLength(0);
    stop();
  });
});

describe('reading and waiting', () => {
  it('leaves out what it does not know or cannot read', async () => {
    const { readEvent } = await import('../src/live');
    expect(readEvent('invented', '{}')).toBeNull();
    expect(readEvent('started', '{broken')).toBeNull();
    expect(readEvent('alert', JSON.stringify(anAlert()))).toEqual({ kind: 'alert', alert: anAlert() });
  });

  it('doubles the wait up to a quarter of a minute', async () => {
    const { backoff } = await import('../src/live');
    expect([1, 2, 3, 4, 9].map((failures) => backoff(failures, 0))).toEqual([500, 1000, 2000, 4000, 15_000]);
    expect(backoff(1, 1)).toBe(600);
  });
});
