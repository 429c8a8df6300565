import { describe, expect, it } from 'vitest';
import { actorOf, withActor } from '../src/actor';

describe('whose runs a search asks for', () => {
  it.each([
    ['', ''],
    ['make exit:0', ''],
    ['actor:ci', 'ci'],
    ['make  actor:agent:claude-code exit:0', 'agent:claude-code'],
    ['-actor:ci', ''],
    ['actor:!ci', ''],
    ['"actor:ci"', ''],
    ['tag:"an actor:ci b"', ''],
    ['actor:ci actor:human', ''],
  ])('%s → %s', (q, actor) => expect(actorOf(q)).toBe(actor));

  it.each([
    ['', 'ci', 'actor:ci'],
    ['make', 'agent', 'make actor:agent'],
    ['actor:ci make', 'human', 'make actor:human'],
    ['tag:"a b" actor:ci', '', 'tag:"a b"'],
    ['actor:ci', '', ''],
    ['-actor:ci "x', 'human', '-actor:ci "x actor:human'],
  ])('%s for %s is %s', (q, actor, wanted) => expect(withActor(q, actor)).toBe(wanted));
});
