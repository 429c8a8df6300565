//! Histories with known truth: unchanged ones must raise no alarm (A/A), changed ones must.

use bp_proto::report::Verdict;
use bp_proto::{Actor, Run, RunState, RunStats, Ulid, UnixMillis};

use super::comments::{Subject, findings};
use super::compare::judge;

/// A finished, successful run of `make` with these figures.
pub(crate) fn run_of(stats: RunStats) -> Run {
    Run {
        id: 1,
        uid: Ulid::nil(),
        parent: None,
        command: Some("make".to_owned()),
        text_pending: false,
        command_truncated: None,
        masked: Vec::new(),
        key: "0123456789ab".to_owned(),
        key_text: "make (x)".to_owned(),
        cwd: Some("/x".to_owned()),
        project: None,
        git: None,
        host: "here".to_owned(),
        shell: None,
        session: None,
        actor: Actor::Human,
        started_at: Some(UnixMillis(0)),
        finished_at: Some(UnixMillis(1000)),
        state: RunState::Finished,
        exit_code: Some(0),
        signal: None,
        background: false,
        imported: false,
        implausible: Vec::new(),
        tags: Vec::new(),
        note: None,
        run_stats: Some(stats),
        children: Vec::new(),
        rest: None,
        comments: Vec::new(),
        context: None,
        totals: None,
        took: None,
        revision: 0,
    }
}

/// xorshift64*, so that a failure repeats.
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().max(1e-300).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A run of `usual` seconds with log-normal noise; one in `accidents` takes twice as long.
    fn run(&mut self, usual: f64, noise: f64, accidents: f64) -> RunStats {
        let duration_s = usual * (noise * self.normal()).exp();
        let accident = if self.uniform() < accidents { 2.0 } else { 1.0 };
        let cpu_seconds = Some(usual * 0.8 * (0.5 * noise * self.normal()).exp());
        RunStats { duration_s: Some(duration_s * accident), cpu_seconds, ..RunStats::default() }
    }

    fn pool(&mut self, runs: usize, noise: f64, accidents: f64) -> Vec<RunStats> {
        (0..runs).map(|_| self.run(10.0, noise, accidents)).collect()
    }
}

const TRIALS: usize = 3000;

/// How often `factor` × the usual is judged as `wanted` says.
fn rate(pool: usize, noise: f64, accidents: f64, factor: f64, wanted: fn(Verdict) -> bool) -> f64 {
    let mut chance = Chance(0x5EED ^ (pool as u64) << 32);
    let hits = (0..TRIALS).filter(|_| {
        let history = chance.pool(pool, noise, accidents);
        let current = run_of(chance.run(10.0 * factor, noise, 0.0));
        let baseline = run_of(chance.run(10.0, noise, 0.0));
        wanted(judge(&current, &baseline, &history).verdict)
    });
    hits.count() as f64 / TRIALS as f64
}

#[test]
fn unchanged_runs_are_called_faster_or_slower_in_at_most_one_of_a_hundred() {
    for pool in [5, 6, 8, 10, 15, 20, 50] {
        for noise in [0.03, 0.1, 0.3] {
            let alarms = rate(pool, noise, 0.05, 1.0, |v| matches!(v, Verdict::Faster | Verdict::Slower));
            assert!(alarms <= 0.01, "{alarms} false alarms with {pool} runs at noise {noise}");
        }
    }
}

#[test]
fn a_run_half_as_long_again_is_found() {
    let slower = |v| v == Verdict::Slower;
    for (pool, noise, least) in
        [(10, 0.05, 0.85), (20, 0.05, 0.97), (50, 0.05, 0.97), (20, 0.10, 0.40), (50, 0.03, 0.99)]
    {
        let found = rate(pool, noise, 0.0, 1.5, slower);
        assert!(found >= least, "+50 % found in {found} with {pool} runs at noise {noise}");
    }
    let faster = rate(20, 0.05, 0.0, 1.0 / 1.5, |v| v == Verdict::Faster);
    assert!(faster >= 0.97, "−33 % found in {faster}");
}

#[test]
fn a_changed_run_is_never_called_the_opposite() {
    let opposite = rate(20, 0.05, 0.05, 1.5, |v| v == Verdict::Faster);
    assert!(opposite <= 0.0005, "{opposite}");
}

/// How often a run of `factor` × the usual is called slower, and how often faster.
fn comment_rates(past: usize, noise: f64, factor: f64) -> [f64; 2] {
    let mut chance = Chance(0x00C0_FFEE ^ (past as u64) << 32);
    let mut hits = [0; 2];
    for _ in 0..TRIALS {
        let history = chance.pool(past, noise, 0.0);
        let run = run_of(chance.run(10.0 * factor, noise, 0.0));
        let stats = run.run_stats.clone().unwrap();
        let found = findings(Subject { run: &run, stats: &stats, past: &history });
        for (rule, hits) in ["slower", "faster"].into_iter().zip(&mut hits) {
            *hits += usize::from(found.iter().any(|finding| finding.rule == rule));
        }
    }
    hits.map(|hits| hits as f64 / TRIALS as f64)
}

#[test]
fn unchanged_runs_are_commented_on_in_at_most_six_of_a_thousand() {
    for past in [10, 12, 15, 20, 50] {
        for noise in [0.03, 0.1, 0.3] {
            let [slower, faster] = comment_rates(past, noise, 1.0);
            assert!(slower <= 0.006, "{slower} called slower with {past} runs at noise {noise}");
            assert!(faster <= 0.006, "{faster} called faster with {past} runs at noise {noise}");
        }
    }
}

#[test]
fn a_run_half_as_long_again_gets_its_comment() {
    for (past, noise, least) in [(10, 0.05, 0.8), (20, 0.05, 0.98), (50, 0.05, 0.99), (50, 0.1, 0.6)] {
        let [found, _] = comment_rates(past, noise, 1.5);
        assert!(found >= least, "{found} with {past} runs at noise {noise}");
    }
}
