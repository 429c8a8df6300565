/** What a person prefers, kept in the browser: language, theme, single-key shortcuts. */
import { effect, signal } from '@preact/signals';
import type { Lang } from './format';

export type Theme = 'auto' | 'light' | 'dark';

function kept<T extends string>(name: string, allowed: readonly T[]): T | null {
  try {
    const value = localStorage.getItem(name);
    return allowed.find((one) => one === value) ?? null;
  } catch {
    // Storage may be forbidden; the page works without.
    return null;
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // As above.
  }
}

/** The first of the browser's languages that we speak. */
export function preferredLang(languages: readonly string[]): Lang {
  for (const language of languages) {
    const [base] = language.split('-');
    if (base === 'tr' || base === 'en') return base;
  }
  return 'en';
}

export const lang = signal<Lang>(kept('bp.lang', ['tr', 'en']) ?? preferredLang(navigator.languages ?? []));
export const theme = signal<Theme>(kept('bp.theme', ['auto', 'light', 'dark']) ?? 'auto');
export const shortcuts = signal<boolean>(kept('bp.shortcuts', ['on', 'off']) !== 'off');

export function setLang(value: Lang): void {
  lang.value = value;
  keep('bp.lang', value);
}

export function setTheme(value: Theme): void {
  theme.value = value;
  keep('bp.theme', value);
}

export function setShortcuts(on: boolean): void {
  shortcuts.value = on;
  keep('bp.shortcuts', on ? 'on' : 'off');
}

/** Writes language and theme on the document, now and whenever they change. */
export function applyPrefs(root: HTMLElement): void {
  effect(() => {
    root.lang = lang.value;
  });
  effect(() => {
    root.dataset['theme'] = theme.value;
  });
}
