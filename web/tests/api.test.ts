import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

interface Asked {
  readonly path: string;
  readonly init: RequestInit;
}

let asked: Asked[];
let answer: () => Response | Promise<Response>;

beforeEach(() => {
  vi.resetModules();
  sessionStorage.clear();
  asked = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    asked.push({ path, init });
    return answer();
  });
});
afterEach(() => vi.unstubAllGlobals());

const header = (name: string) => (asked.at(-1)?.init.headers as Headers).get(name);

describe('a session', () => {
  it('keeps the nonce in the tab and sends it with every question', async () => {
    const api = await import('../src/api');
    expect(api.hasSession()).toBe(false);
    answer = () => Response.json({ nonce: 'N1', expires_at: '2026-12-20T10:00:00.000Z' }, { status: 201 });
    await api.openSession('K7QM-2XRD-9FHT');
    expect(asked[0]?.init.body).toBe('{"code":"K7QM-2XRD-9FHT"}');
    expect(sessionStorage.getItem('bp.nonce')).toBe('N1');

    answer = () => Response.json([]);
    await api.fetchAlerts('', 'tr');
    expect(asked[1]?.path).toBe('/alerts?lang=tr');
    expect(header('X-Bp-Nonce')).toBe('N1');
    await api.fetchAlerts('agent:x', 'tr');
    expect(asked[2]?.path).toBe('/alerts?actor=agent%3Ax&lang=tr');
  });

  it('is forgotten when bpd knows it no more, and only then', async () => {
    sessionStorage.setItem('bp.nonce', 'N1');
    const api = await import('../src/api');
    const refused = (status: number) => () => Response.json({ error: { code: 'x', message: 'no' } }, { status });
    answer = refused(500);
    expect(api.sessionEnded(await api.fetchRun(1, 'en').catch((error: unknown) => error))).toBe(false);
    expect(api.hasSession()).toBe(true);
    answer = refused(401);
    expect(api.sessionEnded(await api.fetchRun(1, 'en').catch((error: unknown) => error))).toBe(true);
    expect(api.hasSession()).toBe(false);
    expect(sessionStorage.getItem('bp.nonce')).toBeNull();
  });
});

describe('questions', () => {
  it('carry filters and give the next page’s cursor', async () => {
    const api = await import('../src/api');
    answer = () => Response.json([], { headers: { Link: '</runs?before=c%2F1&limit=50>; rel="next"' } });
    const page = await api.fetchRuns({ q: 'exit:0 a&b', limit: 50, before: null }, 'en');
    expect(asked[0]?.path).toBe('/runs?q=exit%3A0+a%26b&limit=50&lang=en');
    expect(page.next).toBe('c/1');
  });

  it('name a run by any selector without breaking the path', async () => {
    const api = await import('../src/api');
    answer = () => Response.json({});
    await api.fetchRun('latest{cwd:/a?b}', 'en');
    expect(asked[0]?.path).toBe('/runs/latest%7Bcwd%3A%2Fa%3Fb%7D?lang=en');
  });

  it('tell a refusal from an absence', async () => {
    const api = await import('../src/api');
    answer = () =>
      Response.json({ error: { code: 'run_not_found', message: 'no run 9', hint: 'bpctl list' } }, { status: 404 });
    const refused = await api.fetchRun(9, 'en').catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 404, code: 'run_not_found', message: 'no run 9', hint: 'bpctl list' });
    answer = () => Promise.reject(new TypeError('connection refused'));
    expect(await api.fetchRun(9, 'en').catch((error: unknown) => error)).toBeInstanceOf(api.Away);
    answer = () => new Response('<html>', { status: 502 });
    expect(await api.fetchRun(9, 'en').catch((error: unknown) => error)).toMatchObject({ status: 502 });
  });

  it('that write are JSON, even without a body', async () => {
    const api = await import('../src/api');
    answer = () => Response.json({});
    await api.deleteRun(3);
    expect(asked[0]?.init.method).toBe('DELETE');
    expect(header('Content-Type')).toBe('application/json');
  });
});

describe('a Link header', () => {
  it('has the cursor of the next page or none', async () => {
    const { nextCursor } = await import('../src/api');
    expect(nextCursor('</runs?before=abc>; rel="next"')).toBe('abc');
    expect(nextCursor('</runs?before=a>; rel="prev", </runs?limit=5&before=b>; rel="next"')).toBe('b');
    expect(nextCursor('</runs?before=a>; rel="prev"')).toBeNull();
    expect(nextCursor(null)).toBeNull();
  });
});
