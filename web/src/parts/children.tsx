/** Who burned a run's CPU time: its children by name, and what is left, so that the rows add up to the whole. */
import type { ComponentChildren } from 'preact';
import { formatDuration, formatMemory, formatNumber, formatPercent } from '../format';
import { lang } from '../prefs';
import { t, tn } from '../speech';
import type { Child, Rest } from '../wire';

interface Row {
  key: string;
  name: ComponentChildren;
  processes: number | null;
  seconds: number;
  atLeast: boolean;
  memory: number | null;
}

/** Less is shown as nothing. */
const LEAST_S = 0.0005;

function childRow(child: Child): Row {
  return {
    key: `child ${child.name}`,
    name: <code>{child.name}</code>,
    processes: child.processes,
    seconds: child.cpu_seconds,
    atLeast: child.at_least,
    memory: child.rss_max_mb,
  };
}

/** What is not there is no row. */
function restRows(rest: Rest): Row[] {
  const row = (key: string, name: string, seconds: number | null, processes: number | null): Row[] =>
    seconds === null || seconds < LEAST_S ? [] : [{ key, name, processes, seconds, atLeast: false, memory: null }];
  return [
    ...row('other', tn('run.children.other', rest.names), rest.cpu_seconds, rest.processes),
    ...row('shell', t('run.children.shell'), rest.shell_seconds, null),
    ...row('untold', t('run.children.untold'), rest.untold_seconds, null),
  ];
}

/** Nothing where the shell alone was at work, of which the total tells as much. */
export function childrenOf(children: readonly Child[], rest: Rest | null): readonly Row[] {
  if (children.length === 0 && !rest?.untold_seconds) return [];
  return [...children.map(childRow), ...(rest === null ? [] : restRows(rest))];
}

function figure(row: Row, value: string): string {
  return row.atLeast ? t('figure.at_least', { value }) : value;
}

export function Children({ rows, total }: { rows: readonly Row[]; total: number | null }) {
  const language = lang.value;
  const highest = Math.max(0.001, ...rows.map((row) => row.seconds));
  const unknown = <span class="dim">–</span>;
  return (
    <>
      <div class="scroll-x" tabIndex={0} role="group" aria-label={t('run.children')}>
        <table class="children-table">
          <thead>
            <tr>
              <th scope="col">{t('run.children.name')}</th>
              <th scope="col" class="number">{t('run.children.processes')}</th>
              <th scope="col" class="number">{t('column.cpu')}</th>
              <th scope="col">{t('run.children.share')}</th>
              <th scope="col" class="number">{t('figure.rss_max_mb')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.key}>
                <th scope="row">{row.name}</th>
                <td class="number">{row.processes === null ? unknown : figure(row, formatNumber(row.processes, language))}</td>
                <td class="number">{figure(row, formatDuration(row.seconds, language))}</td>
                <td class="share">
                  <svg width="96" height="10" aria-hidden="true">
                    <rect class="share-all" width="96" height="10" rx="2" />
                    <rect class="share-part" width={(row.seconds / highest) * 96} height="10" rx="2" />
                  </svg>
                  {total !== null && total > 0 && (
                    <span class="number">{formatPercent((row.seconds / total) * 100, language)}</span>
                  )}
                </td>
                <td class="number">{row.memory === null ? unknown : formatMemory(row.memory, language)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.some((row) => row.atLeast) && <p class="quality dim">{t('run.children.at_least')}</p>}
    </>
  );
}
