/** What a run is and what it has cost, in figures and short tables. */
import type { ComponentChildren } from 'preact';
import { formatDuration, formatInstant, formatMemory, formatNumber, formatPercent } from '../format';
import { lang } from '../prefs';
import { hrefOf, runRoute } from '../route';
import { actorName, formatFigure, t, tn } from '../speech';
import type { Comment, Context, Run, RunStats } from '../wire';
import type { Key } from '../words';
import { LevelMark } from './basics';
import { qualitySentence } from './curves';

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** When, where, by whom. */
export function Facts({ run }: { run: Run }) {
  const { git } = run;
  const place = run.cwd ?? run.project;
  return (
    <>
      <dl class="facts">
        <Fact name={t('run.when')}>
          {run.started_at === null ? (
            t('run.undated')
          ) : (
            <time dateTime={run.started_at}>{formatInstant(Date.parse(run.started_at), lang.value)}</time>
          )}
        </Fact>
        {place !== null && (
          <Fact name={t('run.where')}>
            <code>{place}</code>
          </Fact>
        )}
        {git?.branch != null && (
          <Fact name={t('run.branch')}>
            <code>{git.branch}</code>
          </Fact>
        )}
        {git?.commit != null && (
          <Fact name={t('run.commit')}>
            <code title={git.commit}>{git.commit.slice(0, 10)}</code>
          </Fact>
        )}
        <Fact name={t('run.host')}>{run.host}</Fact>
        {run.shell !== null && <Fact name={t('run.shell')}>{run.shell}</Fact>}
        <Fact name={t('run.actor')}>{actorName(run.actor)}</Fact>
        {run.parent !== null && (
          <Fact name={t('run.parent')}>
            <a href={hrefOf(runRoute(run.parent))}>{run.parent}</a>
          </Fact>
        )}
        {run.imported && <Fact name={t('run.imported')}>{t('common.yes')}</Fact>}
      </dl>
      <Remarks run={run} />
    </>
  );
}

function Remarks({ run }: { run: Run }) {
  const remarks = [
    ...(run.masked.length > 0 ? [tn('run.masked', run.masked.length, { rules: run.masked.join(', ') })] : []),
    ...(run.command_truncated === null ? [] : [t('run.truncated', { n: formatNumber(run.command_truncated, lang.value) })]),
    ...(run.background ? [t('run.background')] : []),
    ...run.implausible.map((figure) => t(`implausible.${figure}`)),
  ];
  return (
    <>
      {remarks.map((remark) => (
        <p class="remark dim" key={remark}>
          {remark}
        </p>
      ))}
    </>
  );
}

const FIGURES = ['duration_s', 'cpu_seconds', 'cpu_avg', 'cpu_p95', 'cpu_max', 'rss_max_mb', 'rss_avg_mb', 'max_processes'] as const;

/** Peaks are seen by looking at the right moment only. */
const PEAKS: ReadonlySet<string> = new Set(['cpu_max', 'rss_max_mb', 'max_processes']);

export function Figures({ stats, running, elapsed }: { stats: RunStats; running: boolean; elapsed: string | null }) {
  const language = lang.value;
  const figure = (name: (typeof FIGURES)[number]) => {
    if (name === 'duration_s' && elapsed !== null) return elapsed;
    const value = formatFigure(name, stats[name], language);
    return stats[name] != null && stats.peak_lower_bound && PEAKS.has(name) ? t('figure.at_least', { value }) : value;
  };
  return (
    <>
      <dl class="figures">
        {FIGURES.map((name) => (
          <div class="figure" key={name}>
            <dt>{t(`figure.${name}`)}</dt>
            <dd>
              {figure(name)}
              {name === 'cpu_seconds' && stats.user_seconds != null && stats.system_seconds != null && (
                <small class="dim">
                  {t('figure.split', {
                    user: formatDuration(stats.user_seconds, language),
                    system: formatDuration(stats.system_seconds, language),
                  })}
                </small>
              )}
              {name === 'cpu_seconds' && stats.background_cpu_seconds != null && (
                <small class="dim">
                  {t('figure.afterwards', { cpu: formatDuration(stats.background_cpu_seconds, language) })}
                </small>
              )}
            </dd>
          </div>
        ))}
      </dl>
      <p class="quality dim">{qualitySentence(stats, running)}</p>
    </>
  );
}

type QuietFigure =
  | 'wait_seconds' | 'max_threads' | 'read_mb' | 'written_mb' | 'minor_faults' | 'major_faults' | 'voluntary_switches'
  | 'involuntary_switches' | 'suspended_s' | 'host_cpu_avg' | 'pressure_cpu' | 'pressure_memory' | 'pressure_io';

const DETAILS: ReadonlyArray<readonly [Key, readonly QuietFigure[]]> = [
  ['details.threads', ['max_threads', 'wait_seconds']],
  ['details.disk', ['read_mb', 'written_mb']],
  ['details.faults', ['minor_faults', 'major_faults']],
  ['details.switches', ['voluntary_switches', 'involuntary_switches']],
  ['details.machine', ['suspended_s', 'host_cpu_avg', 'pressure_cpu', 'pressure_memory', 'pressure_io']],
];

/** That it was never suspended is what everybody expects. */
function isTold(stats: RunStats, name: QuietFigure): boolean {
  return stats[name] != null && !(name === 'suspended_s' && stats[name] === 0);
}

/** What people ask for second, in groups; what is not known is not there. */
export function Details({ stats }: { stats: RunStats }) {
  const groups = DETAILS.map(([title, names]) => [title, names.filter((name) => isTold(stats, name))] as const);
  const known = groups.filter(([, names]) => names.length > 0);
  if (known.length === 0) return null;
  return (
    <div class="details">
      {known.map(([title, names]) => (
        <section key={title} aria-label={t(title)}>
          <h3>{t(title)}</h3>
          <dl>
            {names.map((name) => (
              <div key={name}>
                <dt>{t(`detail.${name}`)}</dt>
                <dd class="number">{formatFigure(name, stats[name], lang.value)}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}

/** Sentences by rule, each with the numbers that it rests on. */
export function Comments({ comments }: { comments: readonly Comment[] }) {
  return (
    <ul class="comments">
      {comments.map((comment) => (
        <li key={comment.rule} class={`comment comment-${comment.level}`}>
          <LevelMark level={comment.level} />
          <span class="comment-text">
            {comment.text}
            {Object.keys(comment.params).length > 0 && (
              <details>
                <summary>{t('run.evidence')}</summary>
                <code>
                  {comment.rule}:{' '}
                  {Object.entries(comment.params)
                    .map(([name, value]) => `${name} = ${value}`)
                    .join(', ')}
                </code>
              </details>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The machine when the run began; nothing when nothing is known of it. */
export function MachineContext({ context }: { context: Context }) {
  const language = lang.value;
  const { memory_used_mb: used, memory_total_mb: total } = context;
  const waits = [
    ['context.pressure.cpu', context.pressure_cpu_avg10],
    ['context.pressure.memory', context.pressure_memory_avg10],
    ['context.pressure.io', context.pressure_io_avg10],
  ] as const;
  const pressure = waits.flatMap(([name, percent]) =>
    percent == null ? [] : [t(name, { percent: formatPercent(percent, language) })],
  );
  return (
    <dl class="facts">
      {context.load_1m != null && <Fact name={t('context.load')}>{formatNumber(context.load_1m, language, 2)}</Fact>}
      {context.host_cpu_percent != null && (
        <Fact name={t('context.host_cpu')}>{formatPercent(context.host_cpu_percent, language)}</Fact>
      )}
      {used != null && (
        <Fact name={t('context.memory')}>
          {total == null
            ? formatMemory(used, language)
            : t('context.memory_of', { used: formatMemory(used, language), total: formatMemory(total, language) })}
        </Fact>
      )}
      {pressure.length > 0 && <Fact name={t('context.pressure')}>{pressure.join(' · ')}</Fact>}
      {context.cpus != null && <Fact name={t('context.cpus')}>{formatNumber(context.cpus, language)}</Fact>}
    </dl>
  );
}
