/** Whose runs a list shows. */
import { ACTORS } from '../actor';
import { actorName, t } from '../speech';

/** `asked` = `human`, `agent`, `agent:NAME`, `ci`; empty = everybody's. */
export function ActorPick({ asked, onPick }: { asked: string; onPick: (actor: string) => void }) {
  const offered: readonly string[] = ACTORS;
  const options = asked === '' || offered.includes(asked) ? offered : [...offered, asked];
  return (
    <select aria-label={t('runs.actor')} value={asked} onChange={(event) => onPick(event.currentTarget.value)}>
      <option value="" selected={asked === ''}>
        {t('runs.actor.all')}
      </option>
      {options.map((actor) => (
        <option key={actor} value={actor} selected={asked === actor}>
          {actor === 'agent' ? t('runs.actor.agents') : actorName(actor)}
        </option>
      ))}
    </select>
  );
}
