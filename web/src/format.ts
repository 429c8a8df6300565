/** Numbers, durations and times as people read them. Pure: value and language in, text out. */

export type Lang = 'tr' | 'en';

/** What stands where nothing is known. */
export const UNKNOWN = '–';

const LOCALE: Record<Lang, string> = { tr: 'tr-TR', en: 'en-GB' };

const formatters = new Map<string, Intl.NumberFormat>();

function numbers(lang: Lang, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const name = lang + JSON.stringify(options);
  let found = formatters.get(name);
  if (!found) {
    found = new Intl.NumberFormat(LOCALE[lang], options);
    formatters.set(name, found);
  }
  return found;
}

/** At most `digits` after the decimal mark: "1,234.5", "1.234,5". */
export function formatNumber(value: number, lang: Lang, digits = 0): string {
  return numbers(lang, { maximumFractionDigits: digits }).format(value);
}

/** Both languages set the sign apart from what browsers know: "80 %", "%80", as in bpd's own sentences. */
function percentText(value: number, lang: Lang, digits: number): string {
  const text = formatNumber(value, lang, digits);
  return lang === 'tr' ? `%${text}` : `${text}\u00a0%`;
}

/** `value` 80 → "80 %", "%80"; small values keep a digit or two. */
export function formatPercent(value: number | null | undefined, lang: Lang): string {
  if (value == null) return UNKNOWN;
  const size = Math.abs(value);
  const digits = size >= 9.95 || size === 0 ? 0 : size >= 0.1 ? 1 : 2;
  return percentText(value, lang, digits);
}

/** A mark on an axis of seconds: as short as it can be said. */
export function formatTick(seconds: number, lang: Lang): string {
  if (seconds === 0) return '0';
  if (seconds >= 60) return formatDuration(seconds, lang);
  const units = UNITS[lang];
  const [value, unit] = seconds < 0.9995 ? [seconds * 1000, units.millisecond] : [seconds, units.second];
  return `${formatNumber(value, lang, 2)}${units.gap}${unit}`;
}

/** A ratio − 1 with its sign: 0.38 → "+38 %", "+%38"; what is rounded to nothing has none. */
export function formatChange(change: number | null | undefined, lang: Lang): string {
  if (change == null) return UNKNOWN;
  const points = Math.abs(change) * 100;
  const text = percentText(points, lang, points < 9.95 ? 1 : 0);
  if (points < 0.05) return text;
  return change < 0 ? `−${text}` : `+${text}`;
}

interface Units {
  readonly day: string;
  readonly hour: string;
  readonly minute: string;
  readonly second: string;
  readonly millisecond: string;
  /** Between a number and its unit, which must not part at a line's end. */
  readonly gap: string;
}

const UNITS: Record<Lang, Units> = {
  en: { day: 'd', hour: 'h', minute: 'min', second: 's', millisecond: 'ms', gap: '\u00a0' },
  tr: { day: 'g', hour: 'sa', minute: 'dk', second: 'sn', millisecond: 'ms', gap: '\u00a0' },
};

/** The two largest units of a duration: "1 h 4 min", "3.24 s", "48 ms", as in bpd's own sentences. Seconds in. */
export function formatDuration(seconds: number | null | undefined, lang: Lang): string {
  if (seconds == null) return UNKNOWN;
  const units = UNITS[lang];
  const one = (value: number, unit: string, digits = 0) =>
    `${numbers(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false }).format(value)}${units.gap}${unit}`;
  const two = (large: number, largeUnit: string, small: number, smallUnit: string) =>
    small === 0 ? one(large, largeUnit) : `${one(large, largeUnit)} ${one(small, smallUnit)}`;

  if (seconds < 0.0005) return one(0, units.millisecond);
  if (seconds < 0.0095) return one(seconds * 1000, units.millisecond, 1);
  if (seconds < 0.9995) return one(Math.round(seconds * 1000), units.millisecond);
  if (seconds < 9.995) return one(seconds, units.second, 2);
  if (seconds < 59.95) return one(seconds, units.second, 1);
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return two(minutes, units.minute, whole % 60, units.second);
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return two(hours, units.hour, minutes % 60, units.minute);
  return two(Math.floor(hours / 24), units.day, hours % 24, units.hour);
}

/** Seconds that count up: "0:07", "12:03", "1:02:03". Never changes its width within a minute. */
export function formatElapsed(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, '');
}

/** MiB in; "230.5 MiB", "1.4 GiB". */
export function formatMemory(mb: number | null | undefined, lang: Lang): string {
  if (mb == null) return UNKNOWN;
  if (Math.abs(mb) >= 1024) return `${formatNumber(mb / 1024, lang, Math.abs(mb) < 10240 ? 2 : 1)}\u00a0GiB`;
  return `${formatNumber(mb, lang, Math.abs(mb) < 100 ? 1 : 0)}\u00a0MiB`;
}

/** Bytes in; "3.1 MiB". */
export function formatBytes(bytes: number, lang: Lang): string {
  if (bytes < 1024) return `${formatNumber(bytes, lang)}\u00a0B`;
  if (bytes < 1024 * 1024) return `${formatNumber(bytes / 1024, lang, 1)}\u00a0KiB`;
  return formatMemory(bytes / (1024 * 1024), lang);
}

const STEPS: ReadonlyArray<readonly [Intl.RelativeTimeFormatUnit, number]> = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "now", "3 min ago", "2 days ago"; what is older than a week is a date. Unix milliseconds in. */
export function formatRelative(at: number, now: number, lang: Lang): string {
  const seconds = Math.round((now - at) / 1000);
  const relative = new Intl.RelativeTimeFormat(LOCALE[lang], { numeric: 'auto', style: 'short' });
  if (seconds < 60) return relative.format(0, 'second');
  if (seconds > 7 * 86_400) return new Intl.DateTimeFormat(LOCALE[lang], { dateStyle: 'medium' }).format(at);
  for (const [unit, length] of STEPS) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return relative.format(0, 'second');
}

/** Date and time to the second. */
export function formatInstant(at: number, lang: Lang): string {
  return new Intl.DateTimeFormat(LOCALE[lang], { dateStyle: 'medium', timeStyle: 'medium' }).format(at);
}

/** The time of day; of another day with its date. */
export function formatClock(at: number, now: number, lang: Lang): string {
  const same = new Date(at).toDateString() === new Date(now).toDateString();
  const date = same ? {} : ({ day: 'numeric', month: 'short' } as const);
  return new Intl.DateTimeFormat(LOCALE[lang], { ...date, hour: '2-digit', minute: '2-digit' }).format(at);
}

/** The last part of a path: "/home/a/shop" → "shop". */
export function baseName(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.at(-1) ?? '/';
}

/** A command cut in two, so that the middle gives way when there is no room and both ends stay readable. */
export function middleSplit(text: string, tail = 16): readonly [string, string] {
  const characters = Array.from(text);
  if (characters.length <= tail * 2) return [text, ''];
  return [characters.slice(0, -tail).join(''), characters.slice(-tail).join('')];
}

/** Below this a share is shown as "less than". Percent. */
const LEAST_SHARE = 0.01;

/** bp's CPU time as a share of the commands'; null where that says nothing, as in a fresh store. */
export function formatShare(own: number, commands: number, language: Lang): string | null {
  const percent = (own / commands) * 100;
  if (!(commands > 0) || percent > 100) return null;
  return percent < LEAST_SHARE ? `< ${formatPercent(LEAST_SHARE, language)}` : formatPercent(percent, language);
}
