// Written from bp-proto by its test `the_dashboards_types_are_those_of_the_wire`; do not edit.
// Rewrite it with `BP_WRITE_WIRE=1 cargo test -p bp-proto wire`.

/**
 * One run, as every door shows it. The store fills what was recorded; `queries` adds what is derived
 * (`run_stats`, `comments`).
 */
export type Run = { id: number, uid: string,
/**
 * The run that this one is nested in, by id.
 */
parent: number | null,
/**
 * As typed, secrets masked; `None` when the text was hidden.
 */
command: string | null,
/**
 * Whether the shell has not said yet if it keeps the line; `command` is `None` until then.
 */
text_pending: boolean,
/**
 * The length before the text was cut to [`crate::MAX_COMMAND_BYTES`].
 */
command_truncated: number | null,
/**
 * The rules that masked something in `command`.
 */
masked: Array<string>,
/**
 * Short hash that groups runs of the same command, as in URLs.
 */
key: string,
/**
 * What `key` stands for, readable.
 */
key_text: string, cwd: string | null,
/**
 * The git root above `cwd`.
 */
project: string | null, git: Git | null, host: string,
/**
 * `bash`, `zsh`, …; `None` for runs that no shell reported.
 */
shell: string | null, session: string | null, actor: string,
/**
 * `None`: imported from a history that keeps no dates.
 */
started_at: string | null, finished_at: string | null, state: RunState, exit_code: number | null, signal: number | null,
/**
 * Processes of the run lived on after its end.
 */
background: boolean, imported: boolean,
/**
 * Figures that cannot be true: each is unknown, not wrong.
 */
implausible: Array<Implausible>, tags: Array<string>, note: string | null,
/**
 * Derived; `None` while nothing is known.
 */
run_stats: RunStats | null,
/**
 * The five children that burned most, most first.
 */
children: Array<Child>,
/**
 * The CPU time that is in none of them; `None` where it is not known, and while the run is going.
 */
rest: Rest | null, comments: Array<Comment>, context: Context | null, };

export type RunState = "running" | "stopped" | "background" | "finished" | "left" | "lost";

/**
 * What a run has cost. Averages are cpu seconds ÷ duration and the time integral of memory ÷ duration, never the
 * mean of samples; p95 is time-weighted. Posted runs: both averages are time integrals of the samples.
 *
 * `cpu_avg` of a run with background processes is over the span of its curve. It is `None` where no curve saw the CPU
 * time being spent, where the time is less than ten steps of the accounting (`quality`), and where it would be more
 * than all CPUs can burn; no CPU figure of a measured run is above `cpus` × 100.
 */
export type RunStats = { cpu_avg: number | null, cpu_p95: number | null, cpu_max: number | null, rss_avg_mb: number | null, rss_p95_mb: number | null, rss_max_mb: number | null,
/**
 * `None`: not known, or refused because it could not be true (see `Run::implausible`).
 */
duration_s: number | null, cpu_seconds: number | null,
/**
 * With `system_seconds` from the source of `cpu_seconds`, or `None`.
 */
user_seconds: number | null, system_seconds: number | null,
/**
 * CPU time that processes of the run used after its end; `None` where none lived on. Not part of `cpu_seconds`,
 * which covers the same span as `duration_s`.
 */
background_cpu_seconds: number | null, samples: number, quality: Quality, peak_lower_bound: boolean, incomplete: boolean, max_processes: number | null, max_threads: number | null,
/**
 * Runnable, waiting for a CPU, all threads summed up.
 */
wait_seconds: number | null,
/**
 * From and to the storage layer, MiB: what a cache answered is not in it.
 */
read_mb: number | null, written_mb: number | null,
/**
 * Pages found in memory, and pages that had to be fetched.
 */
minor_faults: number | null, major_faults: number | null,
/**
 * A thread gave its CPU up (to wait for something), or was made to.
 */
voluntary_switches: number | null, involuntary_switches: number | null,
/**
 * For how long the machine was suspended while the run was going: `duration_s` is without it.
 */
suspended_s: number | null,
/**
 * The whole machine while the run was going; 100 = all CPUs.
 */
host_cpu_avg: number | null,
/**
 * Share of the run's time in which some task of the machine waited for a CPU, for memory, for a disk; percent.
 */
pressure_cpu: number | null, pressure_memory: number | null, pressure_io: number | null, };

/**
 * A figure that bpd refused because it cannot be true.
 */
export type Implausible = "duration" | "cpu_seconds" | "samples";

/**
 * How the totals were obtained, best first.
 */
export type Quality = "exact" | "counter" | "times" | "ticks" | "sampled";

export type Git = {
/**
 * `None` for a detached head.
 */
branch: string | null,
/**
 * Full hash; `None` before the first commit.
 */
commit: string | null, };

/**
 * One process name among a run's children.
 */
export type Child = { name: string,
/**
 * How many processes of that name were seen.
 */
processes: number, cpu_seconds: number,
/**
 * `None`: none of them was looked at while it lived.
 */
rss_max_mb: number | null,
/**
 * There may have been more processes of it, and they may have burned more: that is in [`Rest::untold_seconds`].
 */
at_least: boolean, };

/**
 * What a run's CPU time is made of beside its [`Child`]ren: with them it adds up to the whole.
 */
export type Rest = {
/**
 * Programs of further names, their processes and what those burned.
 */
names: number, processes: number, cpu_seconds: number,
/**
 * The shell's own: builtins, functions. `None` of runs that no shell reported.
 */
shell_seconds: number | null,
/**
 * Of processes that lived and died between two looks, and of others after they were looked at last. Derived; `None`
 * where other runs went on within this one.
 */
untold_seconds: number | null, };

/**
 * A sentence about a run, by a rule.
 */
export type Comment = { rule: string, level: Level,
/**
 * In the language asked for.
 */
text: string,
/**
 * The evidence: numbers and codes, never localised.
 */
params: Record<string, number | string>, };

export type Level = "info" | "good" | "warning" | "critical";

/**
 * The machine at the run's start.
 */
export type Context = {
/**
 * Load average of one minute.
 */
load_1m: number | null,
/**
 * Whole machine, 100 = all CPUs.
 */
host_cpu_percent: number | null, memory_used_mb: number | null, memory_total_mb: number | null,
/**
 * CPUs that the run may use.
 */
cpus: number | null,
/**
 * Share of the last ten seconds in which some task of the machine waited for a CPU, for memory, for a disk;
 * percent.
 */
pressure_cpu_avg10: number | null, pressure_memory_avg10: number | null, pressure_io_avg10: number | null, };

/**
 * One point of a curve, as the HTTP API gives and takes it.
 */
export type Point = {
/**
 * Unix seconds with fraction: the end of the interval that the point describes. Posted points keep the
 * client's value untouched.
 */
ts: number,
/**
 * 100 = one core, over the interval since the point before.
 */
cpu_percent: number,
/**
 * MiB; 0 with 0 `processes` = unknown.
 */
rss_mb: number, processes?: number,
/**
 * The whole machine around then; 100 = all CPUs. bpd's own reading: ignored in posted points.
 */
host_cpu_percent?: number,
/**
 * MiB: a higher peak than any reading, reached between two of them. Ignored in posted points.
 */
rss_max_mb?: number, };

/**
 * The filters of `GET /runs` and `bpctl list`. All that are given must hold.
 */
export type ListQuery = {
/**
 * 1 … 500; 50 if left out.
 */
limit?: number | null,
/**
 * The cursor of the `Link: rel="next"` header.
 */
before?: string | null,
/**
 * The search language: words, and `field:value` terms.
 */
q?: string | null, key?: string | null, cwd?: string | null, state?: RunState | null, exit?: number | null, tag?: string | null,
/**
 * `human`, `ci`, `agent:NAME`, or `agent` for any.
 */
actor?: string | null, since?: string, until?: string,
/**
 * The zone of the times in `q`, as in the variable `TZ`: `Europe/Istanbul`. bpd's own if left out.
 */
zone?: string | null, lang?: string | null, };

export type SamplesQuery = {
/**
 * `true`: samples 0, `step`, 2 · `step` … of the full curve, unchanged.
 */
downsample?: boolean | null,
/**
 * 5 if left out; 0 is refused.
 */
step?: number | null,
/**
 * At most so many points; peaks are kept.
 */
max_points?: number | null,
/**
 * Unix seconds, inclusive.
 */
from?: number | null,
/**
 * Unix seconds, inclusive.
 */
to?: number | null,
/**
 * Of the sentences of a refusal: `tr`, `en`, or as `Accept-Language` has it.
 */
lang?: string | null, };

export type CompareQuery = { current: string,
/**
 * `latest-success` if left out.
 */
baseline?: string | null, align?: Align | null, lang?: string | null, };

/**
 * `GET /alerts` and `bpctl alerts`.
 */
export type AlertsQuery = {
/**
 * 1 … 500; 50 if left out.
 */
limit?: number | null,
/**
 * Whose runs they are about: `human`, `ci`, `agent:NAME`, or `agent` for any.
 */
actor?: string | null, lang?: string | null, };

/**
 * The common axis of two curves.
 */
export type Align = "time" | "percent" | "work";

/**
 * A change to a recorded run; what is `None` stays.
 */
export type Edit = { tags?: Array<string> | null,
/**
 * An empty note removes it.
 */
note?: string | null, };

/**
 * `GET /compare`.
 */
export type Comparison = { current: Run, baseline: Run,
/**
 * The runs were named in the other order: `current` is the one that started later.
 */
swapped: boolean, align: Align,
/**
 * By name as in `run_stats`.
 */
metrics: { [key in string]: MetricDelta }, verdict: Verdict,
/**
 * Codes of what explains the verdict, or of why there is none.
 */
reasons: Array<string>, series: Series, differs: Array<Difference>, comments: Array<Comment>, };

export type MetricDelta = { current: number | null, baseline: number | null,
/**
 * current − baseline.
 */
delta: number | null,
/**
 * current ÷ baseline − 1; `None` when the baseline is 0, or a share that is rounded to 0.
 */
change: number | null, verdict: Verdict,
/**
 * What is usual for this command; `None` while its history is too short.
 */
usual: Usual | null, };

export type Usual = { low: number, median: number, high: number, };

/**
 * A run against its baseline. Of memory, `faster` reads "less" and `slower` "more".
 */
export type Verdict = "faster" | "slower" | "similar" | "unclear" | "not_comparable";

/**
 * Two curves on one grid. `x` is seconds, percent or CPU seconds, by `align`; `None` = no value there.
 */
export type Series = { x: Array<number>, current: Lines, baseline: Lines, };

export type Lines = { cpu_percent: Array<number | null>, rss_mb: Array<number | null>, };

/**
 * One input that is not the same in both runs: `args`, `branch`, `commit`, `cwd`, `host`, `load`, `exit_code`, …
 */
export type Difference = { what: string, current: string | null, baseline: string | null, };

/**
 * An alert: a rule that fired. One line per firing, changed in place until it has ended.
 */
export type AlertReport = { uid: string,
/**
 * `cpu-high`, `host-cpu`.
 */
rule: string, level: Level,
/**
 * The run that it is about, or the one that burned most when the host is meant.
 */
run: number | null,
/**
 * Who typed that run; `None` = no run, or one that is gone.
 */
actor: string | null,
/**
 * The program that used most CPU time; of an older alert, and where that is not known, the first word of the line.
 */
command: string | null,
/**
 * The command line of the run. Looked up in the run, not stored with the alert.
 */
line: string | null,
/**
 * The name of the project, else of the directory. Looked up in the run, not stored with the alert.
 */
project: string | null, fired_at: string, ended_at: string | null,
/**
 * Highest value of the watched signal so far.
 */
peak: number, threshold: number,
/**
 * Seconds above the threshold so far.
 */
above_s: number,
/**
 * Was a notice shown? `None` = not tried yet; else the channel (`desktop`), or why not: `off`, `cooldown`,
 * `no-server`, `no-answer`.
 */
delivery: string | null,
/**
 * In the language asked for.
 */
text: string, };

/**
 * `bpctl status`.
 */
export type Status = { version: string, pid: number, http: HttpStatus, socket: string, data_dir: string,
/**
 * Runs that the store holds.
 */
runs: number, running: number, uptime_s: number,
/**
 * What does not work as it should, each a plain sentence; empty = all is well.
 */
degraded: Array<string>,
/**
 * What each of these is, as a code.
 */
degraded_codes: Array<string>,
/**
 * The pauses that are on; of shells that have gone none.
 */
paused: Array<Paused>,
/**
 * The program file that runs; `None` from a bpd that does not say.
 */
program: ProgramFile | null,
/**
 * Figures that bpd refused since it began, because they could not be true.
 */
implausible: number, };

/**
 * A time in which nothing that is typed is recorded.
 */
export type Paused = {
/**
 * The process id of the shell that is not recorded; `None` = none is.
 */
shell: number | null,
/**
 * `None` = until somebody resumes.
 */
until: string | null, };

export type HttpStatus = {
/**
 * `127.0.0.1:7717`.
 */
address: string, token_file: string, };

/**
 * A program file. Two of equal `checksum` and size are the same build.
 */
export type ProgramFile = { path: string, device: number, inode: number, bytes: number,
/**
 * Time of the last change of content, in nanoseconds since 1970; a string, because JSON numbers are too short.
 */
modified_ns: string,
/**
 * FNV-1a over the content, in hexadecimal digits.
 */
checksum: string, };

/**
 * What bp itself has cost in the last seven days.
 */
export type Overhead = { since: string,
/**
 * CPU seconds of bpd.
 */
cpu_seconds: number,
/**
 * CPU seconds of the recorded commands in the same time.
 */
commands_cpu_seconds: number, runs: number, rss_mb: number,
/**
 * Journal, samples and index on disk.
 */
disk_bytes: number, uptime_s: number, };

/**
 * `GET /api/system/performance`: bpd's own answers over HTTP since it began.
 */
export type Performance = { since: string, routes: Array<RouteTiming>, };

/**
 * One method and path pattern. Quantiles are of its newest 512 answers, milliseconds.
 */
export type RouteTiming = {
/**
 * `GET /runs/{run}`.
 */
route: string, answers: number,
/**
 * Those that were bpd's fault (5xx).
 */
errors: number, p50_ms: number, p95_ms: number,
/**
 * Of all answers since bpd began, like `total_ms`.
 */
max_ms: number, total_ms: number, };

/**
 * `GET /api/system/stats`: the machine, as it was read while a run was open or somebody looked.
 */
export type HostStats = {
/**
 * CPUs of the machine.
 */
cpus: number | null,
/**
 * Seconds between two readings while it is read.
 */
interval_s: number,
/**
 * The newest reading; `None` when the machine cannot be read.
 */
now: HostPoint | null,
/**
 * The newest readings, oldest first, `now` included. There are gaps where nobody looked and nothing ran.
 */
series: Array<HostPoint>, };

/**
 * One reading of the machine. `None` = not known here, or not yet.
 */
export type HostPoint = {
/**
 * Unix seconds with fraction.
 */
ts: number,
/**
 * 100 = all CPUs, since the reading before.
 */
host_cpu_percent: number | null, memory_used_mb: number | null, memory_total_mb: number | null, load_1m: number | null, load_5m: number | null, load_15m: number | null,
/**
 * Share of the last ten seconds in which some task waited for a CPU, for memory, for a disk; percent.
 */
pressure_cpu_avg10: number | null, pressure_memory_avg10: number | null, pressure_io_avg10: number | null,
/**
 * The file system that bpd's data is on.
 */
disk_used_mb: number | null,
/**
 * For those who are not root.
 */
disk_free_mb: number | null,
/**
 * Its disk, since the reading before, MiB a second.
 */
disk_read_mb_per_s: number | null, disk_written_mb_per_s: number | null, };

/**
 * Every error that leaves bpd: `{"error": {"code", "message", "hint"}}`.
 */
export type Failure = { error: FailureBody, };

export type FailureBody = {
/**
 * Stable, snake case: `run_not_found`, `ambiguous_run`, `invalid_query`, …
 */
code: string, message: string, hint?: string, };

/**
 * Body of `POST /session`.
 */
export type OpenSession = {
/**
 * As minted for `bpctl open`; blanks around it are ignored, so it may be typed.
 */
code: string, };

/**
 * Answer of `POST /session`; the cookie travels beside it.
 */
export type SessionOpened = {
/**
 * To be sent in the header `X-Bp-Nonce` of every data request.
 */
nonce: string, expires_at: string, };

/**
 * Answer of `POST /session/ticket`: admits one `GET /events?ticket=…` within 30 s.
 */
export type Ticket = { ticket: string, };

/**
 * `data` of the SSE events `started`, `finished`, `edited` and `deleted`.
 */
export type RunChanged = { run: number, };

/**
 * `data` of the SSE event `sampled`: what a run's curve grew by since the event before.
 */
export type CurveGrew = { run: number,
/**
 * Oldest first. Empty = points were posted or there were too many: ask `GET /runs/{id}/samples`.
 */
points: Array<Point>,
/**
 * CPU seconds of the run so far; `None` for posted points.
 */
cpu_seconds: number | null, };

/**
 * `data` of the SSE event `paused`: somebody paused or resumed. As in [`crate::Status`].
 */
export type PausesChanged = { paused: Array<Paused>, };
