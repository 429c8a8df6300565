/** Every run: running ones on top, then what has ended. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { actorOf, withActor } from '../actor';
import { Refused } from '../api';
import { useNow } from '../clock';
import { lang } from '../prefs';
import { type Route, RUNS, compareRoute, go, hrefOf } from '../route';
import { runsOf } from '../runlist';
import { t, tn } from '../speech';
import { ActorPick } from '../parts/actorpick';
import { Empty, Failed, PageTitle, TerminalLine } from '../parts/basics';
import { KeyLegend, useRunKeys } from '../parts/runkeys';
import { type LiveRuns, useLiveRuns } from '../parts/runlive';
import { RunningRow } from '../parts/runrows';
import { RunTable } from '../parts/runtable';

type RunsRoute = Extract<Route, { page: 'runs' }>;

/** Typing pauses this long before the list is asked for, ms. */
const TYPING_MS = 150;

export function RunsPage({ route }: { route: RunsRoute }) {
  const live = useLiveRuns(route.q, lang.value);
  const running = runsOf(live.list, live.list.running);
  const finished = runsOf(live.list, live.list.finished);
  const now = useNow(running.length > 0 ? 1000 : 30_000);
  const filter = useRef<HTMLInputElement>(null);
  const reveal = useRef<((index: number) => void) | null>(null);

  const select = (id: number) => {
    const others = route.selected.filter((one) => one !== id);
    const selected = others.length < route.selected.length ? others : [...route.selected, id];
    go({ ...route, selected }, 'replace');
  };
  useListKeys(route, live, select, filter, reveal);

  return (
    <>
      <div class="page-head">
        <PageTitle title={t('runs.title')} />
        <FilterBox key={route.page} route={route} box={filter} />
        {/* A term of the search, so that it is in the address and in the box. */}
        <ActorPick asked={actorOf(route.q)} onPick={(actor) => go({ ...route, q: withActor(route.q, actor) })} />
      </div>
      <SelectionBar route={route} />
      {live.error instanceof Refused && running.length + finished.length > 0 && (
        <p class="bad filter-fault" role="status">
          {t('failed.filter', { message: live.error.message })}{' '}
          <span class="dim">
            {live.error.hint ?? ''} {t('failed.filter.old')}
          </span>
        </p>
      )}
      {live.waiting > 0 && (
        <button
          type="button"
          class="new-runs"
          onClick={() => {
            live.showWaiting();
            scrollTo({ top: 0 });
          }}
        >
          ↑ {tn('runs.new', live.waiting)}
        </button>
      )}
      {running.length > 0 && (
        <section aria-labelledby="running-title">
          <h2 id="running-title">{t('runs.running')}</h2>
          <div role="table" class="run-table" aria-labelledby="running-title">
            <div role="rowgroup">
              {running.map((run, index) => (
                <RunningRow
                  key={run.id}
                  run={run}
                  index={index - 1}
                  selected={route.selected.includes(run.id)}
                  onSelect={select}
                  points={live.points.get(run.id) ?? []}
                  now={now}
                />
              ))}
            </div>
          </div>
        </section>
      )}
      {finished.length > 0 && (
        <section aria-labelledby="finished-title">
          <h2 id="finished-title" class={running.length > 0 ? '' : 'sr'}>
            {t('runs.finished')}
          </h2>
          <RunTable runs={finished} selected={route.selected} onSelect={select} now={now} reveal={reveal} />
        </section>
      )}
      <ListEnd route={route} live={live} shown={running.length + finished.length} />
    </>
  );
}

function FilterBox({ route, box }: { route: RunsRoute; box: { current: HTMLInputElement | null } }) {
  const [text, setText] = useState(route.q);
  const latest = useRef(route);
  latest.current = route;
  /** Only what was typed here is on its way to the address. */
  const typed = useRef(false);
  const sent = useRef<string | null>(null);
  // Back, forward and the choice beside it change the filter from outside; what came from here is here already.
  useEffect(() => {
    if (route.q === sent.current) return;
    sent.current = null;
    typed.current = false;
    setText((now) => (now.trim() === route.q ? now : route.q));
  }, [route.q]);
  useEffect(() => {
    const timer = setTimeout(() => {
      const q = text.trim();
      if (!typed.current || q === latest.current.q) return;
      sent.current = q;
      go({ ...latest.current, q }, 'replace');
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <form role="search" class="filter" onSubmit={(event) => event.preventDefault()}>
      <input
        ref={box}
        type="search"
        value={text}
        aria-label={t('runs.filter')}
        placeholder={`${t('runs.filter')}: ${t('runs.filter.hint')}`}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          typed.current = true;
          setText(event.currentTarget.value);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  );
}

function SelectionBar({ route }: { route: RunsRoute }) {
  const { selected } = route;
  if (selected.length === 0) return null;
  const pair = pairOf(selected);
  return (
    <div class="selection-bar" role="status">
      <span>{tn('runs.selected', selected.length)}</span>
      {pair && (
        <a class="button primary" href={hrefOf(compareRoute(...pair))}>
          {t('runs.compare_selected')}
        </a>
      )}
      <button type="button" class="quiet" onClick={() => go({ ...route, selected: [] }, 'replace')}>
        {t('runs.clear_selected')}
      </button>
    </div>
  );
}

/** The newer of two selected runs is judged against the older. */
function pairOf(selected: readonly number[]): readonly [number, number] | null {
  const [one, two] = selected;
  if (selected.length !== 2 || one === undefined || two === undefined) return null;
  return one > two ? [one, two] : [two, one];
}

function ListEnd({ route, live, shown }: { route: RunsRoute; live: LiveRuns; shown: number }) {
  // A filter may leave a page empty that has others after it.
  const searching = shown === 0 && live.list.next !== null;
  useEffect(() => {
    if (searching) live.older();
  }, [searching, live.list.next]);
  if (live.error !== null && shown === 0) return <Failed error={live.error} retry={live.reload} />;
  if (!live.loaded || searching) {
    return (
      <p class="dim list-end" role="status">
        {t('common.loading')}
      </p>
    );
  }
  if (shown === 0 && route.q !== '') {
    return (
      <Empty title={t('empty.filter.title')}>
        <p>{t('empty.filter.text', { q: route.q })}</p>
        <a class="button" href={hrefOf(RUNS)}>
          {t('empty.filter.clear')}
        </a>
      </Empty>
    );
  }
  if (shown === 0) return <NoRuns />;
  return (
    <>
      <p class="list-end" role="status">
        <span class="dim">{tn('runs.count', shown)}</span>{' '}
        {live.list.next === null && <span class="dim">{t('runs.all_shown')}</span>}
      </p>
      {live.list.next !== null && (
        <p class="list-end">
          <button type="button" onClick={live.older}>
            {t('runs.older')}
          </button>
        </p>
      )}
      <KeyLegend />
    </>
  );
}

function NoRuns() {
  return (
    <Empty title={t('empty.runs.title')}>
      <p>{t('empty.runs.hook')}</p>
      <TerminalLine line={'eval "$(bpctl init bash)"'} />
      <TerminalLine line={'eval "$(bpctl init zsh)"'} />
      <TerminalLine line="bpctl init fish | source" />
      <p>{t('empty.runs.run')}</p>
      <TerminalLine line="bpctl run -- sleep 3" />
      <p class="dim">{t('empty.runs.live')}</p>
    </Empty>
  );
}

function useListKeys(
  route: RunsRoute,
  live: LiveRuns,
  select: (id: number) => void,
  filter: { current: HTMLInputElement | null },
  reveal: { current: ((index: number) => void) | null },
): void {
  const current = useRef<number | null>(null);
  const order = [...live.list.running, ...live.list.finished];
  const here = () => {
    const row = document.activeElement?.closest('[data-run]');
    const id = row instanceof HTMLElement ? Number(row.dataset['run']) : current.current;
    return id === null ? -1 : order.indexOf(id);
  };
  useRunKeys({
    move: (by) => {
      const at = here();
      const to = at < 0 ? 0 : Math.min(Math.max(0, at + by), order.length - 1);
      const id = order[to];
      if (id === undefined) return;
      current.current = id;
      const place = to - live.list.running.length;
      if (place >= 0) reveal.current?.(place);
      const focus = () => {
        const link = document.querySelector<HTMLElement>(`[data-run="${id}"] a`);
        link?.focus();
        return link !== null;
      };
      // At once, for the next key may be near; a row out of view comes into existence only with the next drawing.
      if (!focus()) requestAnimationFrame(focus);
    },
    select: () => {
      const id = order[here()];
      if (id !== undefined) select(id);
    },
    compare: () => {
      const id = order[here()];
      const pair = pairOf(route.selected);
      if (pair) go(compareRoute(...pair));
      else if (id !== undefined) go(compareRoute(id, 'latest-success'));
    },
    filter: () => {
      filter.current?.focus();
      filter.current?.select();
    },
  });
}
