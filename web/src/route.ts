/** The whole view as an address: `#/runs/12?zoom=3-10.5`. The only module that touches `location` and history. */
import { signal } from '@preact/signals';
import type { Align } from './wire';

/** Seconds (or whatever the x axis counts), from and to. */
export type Zoom = readonly [number, number];

export type Route =
  | { readonly page: 'runs'; readonly q: string; readonly selected: readonly number[] }
  | { readonly page: 'run'; readonly run: string; readonly zoom: Zoom | null }
  | {
      readonly page: 'compare';
      readonly current: string;
      readonly baseline: string;
      readonly align: Align;
      readonly zoom: Zoom | null;
    }
  | { readonly page: 'alerts'; readonly actor: string }
  | { readonly page: 'unknown' };

/** More than anyone compares by hand; a longer list in an address is not ours. */
const MAX_SELECTED = 20;

function parseZoom(text: string | null): Zoom | null {
  const match = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text ?? '');
  if (!match) return null;
  const from = Number(match[1]);
  const to = Number(match[2]);
  return from < to ? [from, to] : null;
}

function formatZoom(zoom: Zoom): string {
  // Three digits after the point are finer than any sample.
  return zoom.map((at) => String(Math.round(Math.max(0, at) * 1000) / 1000)).join('-');
}

function parseAlign(text: string | null): Align {
  return text === 'percent' || text === 'work' ? text : 'time';
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  const asked = new URLSearchParams(query);
  const parts = path.split('/').filter((part) => part !== '').map(decode);
  const [page, id] = parts;
  if (parts.length === 0 || (page === 'runs' && parts.length === 1)) {
    const selected = (asked.get('sel') ?? '').split(',').filter((id) => /^\d+$/.test(id)).map(Number);
    return { page: 'runs', q: asked.get('q') ?? '', selected: [...new Set(selected)].slice(0, MAX_SELECTED) };
  }
  if (page === 'runs' && parts.length === 2 && id) {
    return { page: 'run', run: id, zoom: parseZoom(asked.get('zoom')) };
  }
  if (page === 'compare' && parts.length === 1) {
    return {
      page: 'compare',
      current: asked.get('a') ?? '',
      baseline: asked.get('b') ?? '',
      align: parseAlign(asked.get('align')),
      zoom: parseZoom(asked.get('zoom')),
    };
  }
  if (page === 'alerts' && parts.length === 1) return { page: 'alerts', actor: asked.get('actor') ?? '' };
  return { page: 'unknown' };
}

function address(path: string, query: ReadonlyArray<readonly [string, string]>): string {
  const asked = query
    .filter(([, value]) => value !== '')
    // Commas, colons and slashes are harmless in a fragment, and addresses are read by people.
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/%(?:2C|3A|2F|40)/g, decodeURIComponent)}`);
  return `#${path}${asked.length > 0 ? `?${asked.join('&')}` : ''}`;
}

/** The address of a view, for links. */
export function hrefOf(route: Route): string {
  switch (route.page) {
    case 'runs':
      return address('/runs', [['q', route.q], ['sel', route.selected.join(',')]]);
    case 'run':
      return address(`/runs/${encodeURIComponent(route.run)}`, [['zoom', route.zoom ? formatZoom(route.zoom) : '']]);
    case 'compare':
      return address('/compare', [
        ['a', route.current],
        ['b', route.baseline],
        ['align', route.align === 'time' ? '' : route.align],
        ['zoom', route.zoom ? formatZoom(route.zoom) : ''],
      ]);
    case 'alerts':
      return address('/alerts', [['actor', route.actor]]);
    case 'unknown':
      return '#/runs';
  }
}

export const RUNS: Route = { page: 'runs', q: '', selected: [] };

export const ALERTS = { page: 'alerts', actor: '' } as const satisfies Route;

export function runRoute(run: number | string): Route {
  return { page: 'run', run: String(run), zoom: null };
}

export function compareRoute(current: number | string, baseline: number | string): Route {
  return { page: 'compare', current: String(current), baseline: String(baseline), align: 'time', zoom: null };
}

/** Where the page is. Follows the address; change it with `go`. */
export const route = signal<Route>(RUNS);

/**
 * Begins to follow the address. A code in it is taken out at once, for it must not stay in the history or be
 * bookmarked, and handed on; it may come at any time, to a page that is open already.
 */
export function followAddress(onCode: (code: string) => void): void {
  const read = () => {
    const invitation = parseInvitation(location.hash);
    if (invitation) history.replaceState(null, '', location.pathname + hrefOf(invitation.to));
    route.value = parseRoute(location.hash);
    if (invitation) onCode(invitation.code);
  };
  addEventListener('hashchange', read);
  read();
}

/** Shows another view. `replace` for what is a refinement of the same view: typing, selecting. */
export function go(to: Route, how: 'push' | 'replace' = 'push'): void {
  const href = hrefOf(to);
  if (href !== location.hash) {
    if (how === 'push') history.pushState(null, '', href);
    else history.replaceState(null, '', href);
  }
  route.value = to;
}

/** The whole address of a view, to be copied. */
export function permalink(to: Route): string {
  return new URL(hrefOf(to), location.href).href;
}

/** The one-time code that `bpctl open` left in the address, and the view it asks for. */
export interface Invitation {
  readonly code: string;
  readonly to: Route;
}

/** `#code=K` or `#code=K&to=/runs/12`. */
export function parseInvitation(hash: string): Invitation | null {
  const match = /^#code=([^&]+)(?:&to=(.*))?$/s.exec(hash);
  if (!match) return null;
  return { code: decode(match[1] ?? ''), to: parseRoute(`#${decode(match[2] ?? '')}`) };
}
