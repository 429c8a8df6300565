/** Time series. The only module that knows uPlot. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { nearest } from '../curve';
import { lang, theme } from '../prefs';
import type { Zoom } from '../route';
import { t } from '../speech';
import { ChartData } from './chartdata';

export interface Line {
  readonly label: string;
  readonly values: ReadonlyArray<number | null>;
  readonly ink: 'a' | 'b' | 'band';
  /** Told from the other line by its dashes too, not by colour alone. */
  readonly dashed?: boolean;
  /** Each value holds for the interval before it. */
  readonly stepped?: boolean;
  /** Behind the others, on a scale of its own: 100 = the whole height. */
  readonly band?: boolean;
  /** Said of it where the lines are named. */
  readonly note?: string;
}

export interface ChartProps {
  readonly name: string;
  readonly unit: string;
  /** One sentence that says what is to be seen. */
  readonly summary: string;
  readonly x: readonly number[];
  readonly xName: string;
  readonly lines: readonly Line[];
  readonly formatX: (value: number) => string;
  /** As `formatX`, but short: for the marks of the axis. */
  readonly formatTick: (value: number) => string;
  readonly formatY: (value: number) => string;
  /** Charts with the same name move their cursors together. */
  readonly sync: string;
  readonly zoom: Zoom | null;
  readonly onZoom: (zoom: Zoom | null) => void;
  /** Whether x counts seconds, whose round numbers are those of clocks. */
  readonly clock: boolean;
}

const HEIGHT = 200;
/** A drag shorter than this is a click, px. */
const SHORTEST_DRAG = 6;
const CLOCK_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  14_400, 28_800, 43_200, 86_400,
];

/** The page's colours as the canvas wants them: resolved for the theme that is shown. */
function inkOf(host: Element, name: string): string {
  const probe = document.createElement('span');
  probe.className = `ink-${name}`;
  host.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function inks(host: Element) {
  const names = ['a', 'b', 'band', 'a-fill', 'band-fill', 'grid', 'dim'] as const;
  return Object.fromEntries(names.map((name) => [name, inkOf(host, name)])) as Record<(typeof names)[number], string>;
}

/** Bands first: what is drawn later lies above. */
function drawn(lines: readonly Line[]): readonly Line[] {
  return [...lines.filter((line) => line.band), ...lines.filter((line) => !line.band)];
}

function series(props: ChartProps, ink: ReturnType<typeof inks>): uPlot.Series[] {
  const stepped = uPlot.paths.stepped?.({ align: -1 });
  return [
    {},
    ...drawn(props.lines).map((line): uPlot.Series => ({
      label: line.label,
      stroke: ink[line.ink],
      width: line.band ? 1 : 1.5,
      points: { show: false },
      ...(line.dashed ? { dash: [6, 4] } : {}),
      ...(line.stepped && stepped ? { paths: stepped } : {}),
      ...(line.band ? { scale: 'band', fill: ink['band-fill'] } : line === props.lines[0] ? { fill: ink['a-fill'] } : {}),
    })),
  ];
}

function options(
  props: ChartProps,
  host: Element,
  width: number,
  on: { zoom: (zoom: Zoom) => void; cursor: (index: number | null) => void; ready: (plot: uPlot) => void },
): uPlot.Options {
  const ink = inks(host);
  const font = '12px system-ui, sans-serif';
  const axis = { stroke: ink.dim, grid: { stroke: ink.grid, width: 1 }, ticks: { show: false }, font };
  return {
    width,
    height: HEIGHT,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false },
      y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
      band: { range: [0, 100] },
    },
    axes: [
      {
        ...axis,
        size: 28,
        space: 72,
        values: (_plot, splits) => splits.map(props.formatTick),
        ...(props.clock ? { incrs: CLOCK_STEPS } : {}),
      },
      { ...axis, size: 72, space: 36, values: (_plot, splits) => splits.map((value) => (value === 0 ? '0' : props.formatY(value))) },
    ],
    series: series(props, ink),
    cursor: {
      sync: { key: props.sync, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 7 },
      y: false,
    },
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide < SHORTEST_DRAG) return;
          on.zoom([plot.posToVal(left, 'x'), plot.posToVal(left + wide, 'x')]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [(plot) => on.cursor(plot.cursor.idx ?? null)],
      ready: [on.ready],
    },
  };
}

function show(plot: uPlot, x: readonly number[], zoom: Zoom | null): void {
  const [min, max] = zoom ?? [x[0] ?? 0, x.at(-1) ?? 1];
  plot.setScale('x', { min, max: max > min ? max : min + 1 });
}

function point(plot: uPlot, x: number): void {
  plot.setCursor({ left: plot.valToPos(x, 'x'), top: HEIGHT / 3 });
}

/** The readings at one point, as a sentence. */
function reading(props: ChartProps, index: number): string {
  const values = props.lines
    .map((line) => {
      const value = line.values[index];
      const text = value == null ? t('common.unknown') : props.formatY(value);
      return props.lines.length > 1 ? `${line.label} ${text}` : text;
    })
    .join(' · ');
  return t('chart.at', { x: props.formatX(props.x[index] ?? 0), values });
}

export function Chart(props: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [index, setIndex] = useState<number | null>(null);
  const shown = useRef<number | null>(null);
  /** The point read last, by key or pointer: where the next key starts, which may come before anything is drawn anew. */
  const place = useRef<number | null>(null);
  const read = (to: number | null) => {
    shown.current = to;
    place.current = to ?? place.current;
    setIndex(to);
  };
  const [spoken, setSpoken] = useState('');
  const data = useMemo(
    () => [props.x, ...drawn(props.lines).map((line) => line.values)] as unknown as uPlot.AlignedData,
    [props.x, props.lines],
  );
  const shape = `${lang.value} ${theme.value} ${props.lines.length} ${props.clock} ${props.sync}`;

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const make = () => {
      const kept = shown.current === null ? undefined : latest.current.x[shown.current];
      const on = {
        zoom: (zoom: Zoom) => latest.current.onZoom(zoom),
        cursor: read,
        ready: (made: uPlot) => {
          if (kept !== undefined) point(made, kept);
        },
      };
      plot.current?.destroy();
      const made = new uPlot(options(latest.current, element, element.clientWidth || 600, on), data, element);
      plot.current = made;
      show(made, latest.current.x, latest.current.zoom);
    };
    make();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', make);
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (plot.current && width > 0 && width !== plot.current.width) plot.current.setSize({ width, height: HEIGHT });
    });
    resized.observe(element);
    return () => {
      dark.removeEventListener('change', make);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    const drawn = plot.current;
    if (!drawn) return;
    if (drawn.data !== data) drawn.setData(data, false);
    show(drawn, props.x, props.zoom);
  }, [data, props.zoom?.[0], props.zoom?.[1], shape]);

  const move = (to: number) => {
    if (props.x.length === 0) return;
    const from = props.zoom ? nearest(props.x, props.zoom[0]) : 0;
    const until = props.zoom ? nearest(props.x, props.zoom[1]) : props.x.length - 1;
    const at = Math.min(Math.max(from, to), until);
    if (plot.current) point(plot.current, props.x[at] ?? 0);
    read(at);
    setSpoken(reading(props, at));
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const stride = event.shiftKey ? 10 : 1;
    const at = place.current ?? -1;
    if (event.key === 'ArrowRight') move(at + stride);
    else if (event.key === 'ArrowLeft') move(at < 0 ? props.x.length - 1 : at - stride);
    else if (event.key === 'Home') move(0);
    else if (event.key === 'End') move(props.x.length - 1);
    else if (event.key === 'Escape' && props.zoom) props.onZoom(null);
    else return;
    event.preventDefault();
  };

  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-name">
          <strong>{props.name}</strong> <span class="dim">{props.unit}</span>
        </span>
        {props.lines.length > 1 && (
          <span class="chart-key">
            {props.lines.map((line) => (
              <span key={line.label} class={`chart-key-line ink-${line.ink}`}>
                <svg width="22" height="10" aria-hidden="true">
                  {line.band ? (
                    <rect width="22" height="10" rx="2" class="chart-key-band" />
                  ) : (
                    <line x1="0" y1="5" x2="22" y2="5" class={line.dashed ? 'dashed' : ''} />
                  )}
                </svg>
                <span>
                  {line.label}
                  {line.note !== undefined && <span class="dim"> {line.note}</span>}
                </span>
              </span>
            ))}
          </span>
        )}
        <span class="chart-reading" aria-hidden="true">
          {index !== null && index < props.x.length ? reading(props, index) : ''}
        </span>
        <span class="chart-summary dim">{props.summary}</span>
      </figcaption>
      <div
        ref={host}
        class="chart-canvas"
        role="group"
        tabIndex={0}
        aria-label={`${props.name}. ${t('chart.keys')}`}
        onKeyDown={onKeyDown}
        onDblClick={() => props.onZoom(null)}
      />
      <span class="sr" aria-live="polite">
        {spoken}
      </span>
      <ChartData x={props.x} xName={props.xName} lines={props.lines} formatX={props.formatX} formatY={props.formatY} />
    </figure>
  );
}
