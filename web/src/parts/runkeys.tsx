/** The keyboard map of the list, and its legend. Single keys can be switched off, as WCAG 2.1.4 asks. */
import { useEffect, useRef } from 'preact/hooks';
import { setShortcuts, shortcuts } from '../prefs';
import { t } from '../speech';

export interface KeyActions {
  readonly move: (by: 1 | -1) => void;
  readonly select: () => void;
  readonly compare: () => void;
  readonly filter: () => void;
}

/** Whether a key belongs to the element that has the focus. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('textarea, select, dialog, input:not([type=checkbox])') !== null;
}

export function useRunKeys(actions: KeyActions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!shortcuts.value || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === 'j') latest.current.move(1);
      else if (event.key === 'k') latest.current.move(-1);
      else if (event.key === 'x') latest.current.select();
      else if (event.key === 'c') latest.current.compare();
      else if (event.key === '/') latest.current.filter();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
}

export function KeyLegend() {
  const rows = [
    [['j', 'k'], 'runs.key.move'],
    [['Enter'], 'runs.key.open'],
    [['x'], 'runs.key.select'],
    [['c'], 'runs.key.compare'],
    [['/'], 'runs.key.filter'],
  ] as const;
  return (
    <details class="keys">
      <summary>{t('runs.keys')}</summary>
      <dl>
        {rows.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(what)}</dd>
          </div>
        ))}
      </dl>
      <label class="inline">
        <input
          type="checkbox"
          checked={shortcuts.value}
          onChange={(event) => setShortcuts(event.currentTarget.checked)}
        />
        {t('runs.keys.on')}
      </label>
    </details>
  );
}
