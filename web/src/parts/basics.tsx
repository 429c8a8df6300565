/** Small parts that every page uses. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Refused } from '../api';
import { formatInstant, formatRelative, middleSplit } from '../format';
import { isAway } from '../live';
import { lang } from '../prefs';
import { RUNS, hrefOf } from '../route';
import { commandOf, refusalText, type StatusKind, statusOf, t } from '../speech';
import type { Level, Run } from '../wire';

const STATUS_MARK: Record<StatusKind, string> = { running: '●', stopped: '‖', background: '&', success: '✓', failed: '✗', signal: '↯', ended: '–', left: '⏏', lost: '?' };

/** Mark, word and colour: never the colour alone. */
export function Status({ run, long = false }: { run: Run; long?: boolean }) {
  const kind = statusOf(run);
  const values = { code: run.exit_code ?? '?', signal: run.signal ?? '?' };
  const hasCode = kind === 'left' && run.exit_code !== null;
  const whole = t(hasCode ? 'status.left_with' : `status.${kind}`, values);
  return (
    <span class={`status status-${kind}`} title={whole}>
      <span class="status-mark" aria-hidden="true">
        {STATUS_MARK[kind]}
      </span>
      <span>{long ? whole : t(`status.short.${kind}`, values)}</span>
    </span>
  );
}

const LEVEL_MARK: Record<Level, string> = { info: 'i', good: '✓', warning: '▲', critical: '◆' };

export function LevelMark({ level }: { level: Level }) {
  return (
    <span class={`level level-${level}`}>
      <span aria-hidden="true">{LEVEL_MARK[level]}</span>
      <span class="sr">{t(`alerts.level.${level}`)}: </span>
    </span>
  );
}

/** A command on one line; its middle gives way. */
export function CommandText({ run }: { run: Pick<Run, 'command'> }) {
  const [head, tail] = middleSplit(commandOf(run).replace(/\s+/g, ' '));
  return (
    <span class={run.command === null ? 'command hidden-text' : 'command'}>
      <span class="command-head">{head}</span>
      {tail !== '' && <span class="command-tail">{tail}</span>}
    </span>
  );
}

/** "3 min ago", with the instant on hover. Null: an imported line whose history keeps no dates. */
export function When({ at, now }: { at: string | null; now: number }) {
  if (at === null) {
    return (
      <span class="dim" title={t('run.undated')}>
        {t('run.undated.short')}
      </span>
    );
  }
  const millis = Date.parse(at);
  return (
    <time dateTime={at} title={formatInstant(millis, lang.value)}>
      {formatRelative(millis, now, lang.value)}
    </time>
  );
}

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => void navigator.clipboard.writeText(text).then(() => setCopied(true), () => {});
  return (
    <button type="button" class="quiet copy" onClick={copy}>
      <span aria-live="polite">{copied ? t('common.copied') : (label ?? t('common.copy'))}</span>
    </button>
  );
}

/** One line to be typed in a terminal. */
export function TerminalLine({ line }: { line: string }) {
  return (
    <div class="terminal-line">
      <code>{line}</code>
      <CopyButton text={line} />
    </div>
  );
}

/** An honest empty state: what is so, and the next step. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What went wrong. */
export function Failed({ error, retry }: { error: unknown; retry: () => void }) {
  if (isAway(error)) {
    return (
      <Empty title={t('away.title')}>
        <p>{t('away.text')}</p>
        <TerminalLine line="bpctl daemon start" />
      </Empty>
    );
  }
  const refused = error instanceof Refused ? refusalText(error) : null;
  // What is not there will not be there when it is asked for again.
  const isMissing = error instanceof Refused && error.status === 404;
  return (
    <Empty title={t('failed.title')}>
      <p class="refusal">{refused ? refused.text : String(error)}</p>
      {refused?.hint && <p class="refusal dim">{refused.hint}</p>}
      {isMissing ? (
        <a class="button" href={hrefOf(RUNS)}>
          {t('empty.page.back')}
        </a>
      ) : (
        <button type="button" onClick={retry}>
          {t('common.retry')}
        </button>
      )}
    </Empty>
  );
}

/** The page's heading: takes the focus when a view opens, so that a screen reader says where it is. */
export function PageTitle({ title, children }: { title: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · bp`;
  }, [title]);
  useEffect(() => {
    if (document.activeElement === document.body || document.activeElement === null) {
      heading.current?.focus({ preventScroll: true });
    }
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children ?? title}
    </h1>
  );
}
