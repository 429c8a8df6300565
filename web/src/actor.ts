/** Whose runs a search asks for: its `actor:` term, read and written. Pure. */

/** What the page offers; any other stands in the search itself. */
export const ACTORS = ['human', 'agent', 'ci'] as const;

/** Terms as bpd cuts them: blanks in double quotes belong to their term. */
function termsOf(q: string): readonly string[] {
  return q.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}

const ACTOR = /^actor:([^!"]+)$/;

/** `human`, `agent`, `agent:NAME`, `ci`; empty = everybody's, or what is more than one choice. */
export function actorOf(q: string): string {
  const asked = termsOf(q).flatMap((term) => ACTOR.exec(term)?.[1] ?? []);
  return asked.length === 1 ? (asked[0] ?? '') : '';
}

/** The same search for another actor, or for everybody. */
export function withActor(q: string, actor: string): string {
  const others = termsOf(q).filter((term) => !ACTOR.test(term));
  return (actor === '' ? others : [...others, `actor:${actor}`]).join(' ');
}
