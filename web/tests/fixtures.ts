import type { AlertReport, Point, Run, RunStats } from '../src/wire';

export function aRun(given: Partial<Run> & { stats?: Partial<RunStats> } = {}): Run {
  const { stats, ...run } = given;
  const state = run.state ?? 'finished';
  return {
    id: 1,
    uid: '01J00000000000000000000000',
    parent: null,
    command: 'make -j4',
    text_pending: false,
    command_truncated: null,
    masked: [],
    key: 'k1',
    key_text: 'make -j4',
    cwd: '/home/a/shop',
    project: '/home/a/shop',
    git: { branch: 'main', commit: '0123456789abcdef0123456789abcdef01234567' },
    host: 'kiraz',
    shell: 'bash',
    session: 's1',
    actor: 'human',
    started_at: '2026-11-20T10:00:00.000Z',
    finished_at: state === 'running' ? null : '2026-11-20T10:00:10.000Z',
    state,
    exit_code: state === 'finished' ? 0 : null,
    signal: null,
    background: false,
    imported: false,
    implausible: [],
    tags: [],
    note: null,
    run_stats: {
      cpu_avg: 120,
      cpu_p95: 380,
      cpu_max: 391,
      rss_avg_mb: 180,
      rss_p95_mb: 260,
      rss_max_mb: 290,
      duration_s: 10,
      cpu_seconds: 12,
      user_seconds: 10,
      system_seconds: 2,
      background_cpu_seconds: null,
      samples: 12,
      quality: 'exact',
      peak_lower_bound: false,
      incomplete: false,
      max_processes: 9,
      max_threads: null,
      wait_seconds: null,
      read_mb: null,
      written_mb: null,
      minor_faults: null,
      major_faults: null,
      voluntary_switches: null,
      involuntary_switches: null,
      suspended_s: null,
      host_cpu_avg: null,
      pressure_cpu: null,
      pressure_memory: null,
      pressure_io: null,
      ...stats,
    },
    children: [],
    rest: null,
    comments: [],
    context: null,
    ...run,
  };
}

export function aCurve(values: ReadonlyArray<readonly [ts: number, cpu: number, rss: number]>): Point[] {
  return values.map(([ts, cpu_percent, rss_mb]) => ({ ts, cpu_percent, rss_mb }));
}

export function anAlert(given: Partial<AlertReport> = {}): AlertReport {
  return {
    uid: '01J0000000000000000000000A',
    rule: 'cpu-high',
    level: 'warning',
    run: 1,
    actor: 'human',
    command: 'make',
    fired_at: '2026-11-20T10:00:05.000Z',
    ended_at: null,
    peak: 391,
    threshold: 80,
    above_s: 6,
    delivery: null,
    text: 'make keeps its CPU high',
    ...given,
  };
}
