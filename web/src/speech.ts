/** The page's words and numbers in the language that is set: what components use. */
import type { Refused } from './api';
import { type Lang, formatBytes, formatDuration, formatMemory, formatNumber, formatPercent, UNKNOWN } from './format';
import { lang } from './prefs';
import type { Align, Run } from './wire';
import { type Key, type Values, isKey, say, sayCount } from './words';

/** Reading it in a component makes the component follow the language. */
export function t(key: Key, values?: Values): string {
  return say(lang.value, key, values);
}

export function tn(stem: Parameters<typeof sayCount>[1], n: number, values?: Values): string {
  return sayCount(lang.value, stem, n, formatNumber(n, lang.value), values);
}

export type StatusKind = 'running' | 'stopped' | 'background' | 'success' | 'failed' | 'signal' | 'ended' | 'left' | 'lost';

export function statusOf(run: Pick<Run, 'state' | 'exit_code' | 'signal'>): StatusKind {
  if (run.state !== 'finished') return run.state;
  if (run.signal !== null) return 'signal';
  // Imported: how it ended nobody knows.
  if (run.exit_code === null) return 'ended';
  return run.exit_code === 0 ? 'success' : 'failed';
}

/** A figure of `run_stats` with its unit, by its name. */
export function formatFigure(name: string, value: number | null | undefined, language: Lang): string {
  if (name === 'read_mb' || name === 'written_mb') return value == null ? UNKNOWN : formatBytes(value * 1024 * 1024, language);
  if (name.endsWith('_mb')) return formatMemory(value, language);
  if (/^(cpu|host_cpu|pressure)_/.test(name) && name !== 'cpu_seconds') return formatPercent(value, language);
  if (name.endsWith('_s') || name.endsWith('_seconds')) return formatDuration(value, language);
  return value == null ? UNKNOWN : formatNumber(value, language, 2);
}

/** Where on the common axis of two curves. */
export function formatAlong(align: Align, at: number, language: Lang): string {
  return align === 'percent' ? formatPercent(at, language) : formatDuration(at, language);
}

/** What a run is called where there is no room for figures. */
export function commandOf(run: Pick<Run, 'command'> & Partial<Pick<Run, 'text_pending'>>): string {
  return run.command ?? t(run.text_pending ? 'common.text_pending' : 'common.hidden_command');
}

/**
 * What bpd refused, for people. Of a question it says so in the page's language; of its own state it gives a code. A
 * code without a sentence here keeps bpd's own words.
 */
export function refusalText({ code, message, hint }: Refused): { readonly text: string; readonly hint: string | null } {
  const key = `refused.${code}`;
  return isKey(key) ? { text: t(key), hint: null } : { text: message, hint };
}

/** `human`, `ci` or `agent:NAME` in words. */
export function actorName(actor: string): string {
  if (actor === 'human') return t('run.actor.human');
  if (actor === 'ci') return t('run.actor.ci');
  return t('run.actor.agent', { name: actor.replace(/^agent:/, '') });
}
