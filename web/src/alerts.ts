/** The alerts that are known, newest first. Pure. */
import type { AlertReport } from './wire';

function newestFirst(a: AlertReport, b: AlertReport): number {
  return a.fired_at === b.fired_at ? (a.uid < b.uid ? 1 : -1) : a.fired_at < b.fired_at ? 1 : -1;
}

/** Takes in what came live: the same `uid` replaces. */
export function mergeAlerts(known: readonly AlertReport[], more: readonly AlertReport[]): readonly AlertReport[] {
  if (more.length === 0) return known;
  const byUid = new Map(known.map((alert) => [alert.uid, alert]));
  for (const alert of more) byUid.set(alert.uid, alert);
  return [...byUid.values()].sort(newestFirst);
}

export function firing(alerts: readonly AlertReport[]): readonly AlertReport[] {
  return alerts.filter((alert) => alert.ended_at === null);
}

export function ended(alerts: readonly AlertReport[]): readonly AlertReport[] {
  return alerts.filter((alert) => alert.ended_at !== null);
}
