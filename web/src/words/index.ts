/** Sentences by key, in the two languages of the page. */
import type { Lang } from '../format';
import { en } from './en';
import { tr } from './tr';

export type Key = keyof typeof en;
export type Words = Readonly<Record<Key, string>>;
export type Values = Readonly<Record<string, string | number>>;

type CountKey = Key extends infer K ? (K extends `${infer Stem}_other` ? Stem : never) : never;

export const DICTIONARIES: Readonly<Record<Lang, Words>> = { en, tr };

const plurals: Record<Lang, Intl.PluralRules> = {
  en: new Intl.PluralRules('en'),
  tr: new Intl.PluralRules('tr'),
};

/** The sentence with its `{placeholders}` filled; one without a value stays visible. */
export function say(lang: Lang, key: Key, values: Values = {}): string {
  return DICTIONARIES[lang][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The form of a sentence that agrees with `n`; `shown` is `n` as it is to be written. */
export function sayCount(lang: Lang, stem: CountKey, n: number, shown: string, values: Values = {}): string {
  const form = plurals[lang].select(n) === 'one' ? 'one' : 'other';
  return say(lang, `${stem}_${form}` as Key, { ...values, n: shown });
}

/** Whether a code from the wire has a word of its own. */
export function isKey(key: string): key is Key {
  return Object.hasOwn(en, key);
}
