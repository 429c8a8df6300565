/** A chart's numbers as a table, for those who would rather read, and for copying. */
import { useState } from 'preact/hooks';
import { formatNumber } from '../format';
import { lang } from '../prefs';
import { t } from '../speech';
import type { ChartProps } from './chart';

/** What a reader can take in; longer curves are thinned evenly, and the table says so. */
const MAX_ROWS = 200;

type Props = Pick<ChartProps, 'x' | 'xName' | 'lines' | 'formatX' | 'formatY'>;

export function ChartData(props: Props) {
  const [open, setOpen] = useState(false);
  return (
    <div class="chart-data">
      <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        {t(open ? 'chart.hide_data' : 'chart.show_data')}
      </button>
      {open && <Table {...props} />}
    </div>
  );
}

function highestAt(values: ReadonlyArray<number | null>): number {
  const known = values.map((value) => value ?? -Infinity);
  return known.indexOf(known.reduce((most, value) => Math.max(most, value), -Infinity));
}

function Table({ x, xName, lines, formatX, formatY }: Props) {
  const step = Math.max(1, Math.ceil(x.length / MAX_ROWS));
  // A thinned table keeps the highest point of each line: the sentence above names it.
  const highest = new Set(lines.map((line) => highestAt(line.values)));
  const rows = x.map((_, index) => index).filter((index) => index % step === 0 || highest.has(index));
  return (
    <>
      {step > 1 && <p class="dim">{t('chart.data_cut', { step, n: formatNumber(x.length, lang.value) })}</p>}
      <div class="scroll-x chart-rows" tabIndex={0} role="group" aria-label={t('chart.show_data')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{xName}</th>
              {lines.map((line) => (
                <th scope="col" class="number" key={line.label}>
                  {line.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((index) => (
              <tr key={index}>
                <th scope="row">{formatX(x[index] ?? 0)}</th>
                {lines.map((line) => {
                  const value = line.values[index];
                  return (
                    <td class="number" key={line.label}>
                      {value == null ? '–' : formatY(value)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
