import { describe, expect, it } from 'vitest';
import { en } from '../src/words/en';
import { tr } from '../src/words/tr';
import { say, sayCount } from '../src/words';

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe('the two dictionaries', () => {
  it('have the same keys', () => {
    expect(Object.keys(tr).sort()).toEqual(Object.keys(en).sort());
  });

  it('have the same placeholders in each sentence', () => {
    for (const [key, text] of Object.entries(en)) {
      expect(placeholders(tr[key as keyof typeof en]), key).toEqual(placeholders(text));
    }
  });

  it('leave no sentence empty', () => {
    for (const words of [en, tr]) {
      for (const [key, text] of Object.entries(words)) expect(text.trim(), key).not.toBe('');
    }
  });

  it('have no plural after a number in Turkish', () => {
    for (const key of Object.keys(en).filter((name) => name.endsWith('_other'))) {
      expect(tr[key as keyof typeof en], key).not.toMatch(/\{n\} \S+l[ae]r\b/);
    }
  });

  it('have both forms of every counted sentence', () => {
    for (const key of Object.keys(en).filter((name) => name.endsWith('_other'))) {
      expect(en).toHaveProperty([key.replace(/_other$/, '_one')]);
    }
  });
});

describe('saying', () => {
  it('fills placeholders and keeps those without a value visible', () => {
    expect(say('en', 'run.title', { id: 12 })).toBe('Run 12');
    expect(say('en', 'run.title')).toBe('Run {id}');
  });

  it('agrees with the number in English and needs no plural in Turkish', () => {
    expect(sayCount('en', 'runs.new', 1, '1')).toBe('1 new run');
    expect(sayCount('en', 'runs.new', 3, '3')).toBe('3 new runs');
    expect(sayCount('tr', 'runs.new', 3, '3')).toBe('3 yeni çalıştırma');
  });
});
