//! Tests of the figures that are taken from curve and totals.

use proptest::prelude::*;

use super::super::curve::samples::{measured_of, posted_of};
use super::*;

fn lasted(ms: u64) -> Span {
    Span {
        duration: Some(Duration::from_millis(ms)),
        duration_step: Duration::ZERO,
        open: false,
        background: false,
        cpus: None,
        window: None,
    }
}

#[track_caller]
fn near(found: Option<f64>, wanted: f64) {
    let found = found.unwrap();
    assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
}

#[test]
fn averages_are_of_time_and_never_of_samples() {
    // Dense at first: nine samples of an idle second, then nine busy seconds in one sample.
    let mut readings: Vec<(u64, u64, u64)> = (1..=10).map(|n| (n * 100, 0, 10)).collect();
    readings.push((10_000, 9_000, 20));
    let samples = measured_of(&readings);
    let totals = Totals { cpu_ns: Some(9_100_000_000), ..Totals::default() };
    let stats = of(Curve::Measured(&samples), Some(&totals), lasted(10_000)).unwrap();
    near(stats.cpu_avg, 91.0);
    near(stats.cpu_max, 100.0);
    near(stats.cpu_seconds, 9.1);
    // 10 MiB for 1 s, then a slope of 9 s to 20 MiB.
    near(stats.rss_avg_mb, (10.0 + 15.0 * 9.0) / 10.0);
    near(stats.rss_max_mb, 20.0);
    near(stats.cpu_p95, 100.0);
    assert_eq!(stats.samples, 11);
}

#[test]
fn a_high_water_mark_between_samples_counts() {
    let samples = measured_of(&[(1000, 10, 10)]);
    let totals = Totals { rss_max_bytes: Some(64 << 20), quality: Quality::Exact, ..Totals::default() };
    let stats = of(Curve::Measured(&samples), Some(&totals), lasted(2000)).unwrap();
    near(stats.rss_max_mb, 64.0);
    near(stats.rss_avg_mb, 10.0);
    assert_eq!((stats.quality, stats.peak_lower_bound), (Quality::Exact, false));
}

#[test]
fn a_run_without_a_curve_has_its_totals_alone() {
    let quality = Quality::Times;
    let totals = Totals { cpu_ns: Some(5_000_000), user_ns: Some(4_000_000), quality, ..Totals::default() };
    let stats = of(Curve::Measured(&[]), Some(&totals), lasted(20)).unwrap();
    near(stats.cpu_avg, 25.0);
    near(stats.user_seconds, 0.004);
    assert_eq!((stats.cpu_p95, stats.cpu_max, stats.rss_avg_mb, stats.rss_max_mb), (None, None, None, None));

    let instant = of(Curve::Measured(&[]), Some(&totals), lasted(0)).unwrap();
    assert_eq!(instant.cpu_avg, None);
}

#[test]
fn a_reading_of_an_ending_process_is_no_memory_of_the_run() {
    let samples = measured_of(&[(4, 1, 0)]);
    let stats = of(Curve::Measured(&samples), None, lasted(5)).unwrap();
    assert_eq!((stats.rss_avg_mb, stats.rss_p95_mb, stats.rss_max_mb), (None, None, None));
}

#[test]
fn the_highest_is_never_below_the_average() {
    let of_micros = |took_us: u64, cpu_us: u64, readings: &[(u64, u64)]| {
        let sample = |&(at_ms, cpu_us): &(u64, u64)| Sample {
            at_ms,
            cpu_ns: cpu_us * 1000,
            processes: 1,
            ..Sample::default()
        };
        let samples: Vec<Sample> = readings.iter().map(sample).collect();
        let totals = Totals { cpu_ns: Some(cpu_us * 1000), quality: Quality::Exact, ..Totals::default() };
        let span = Span { duration: Some(Duration::from_micros(took_us)), ..lasted(0) };
        let stats = of(Curve::Measured(&samples), Some(&totals), span).unwrap();
        (stats.cpu_avg.unwrap(), stats.cpu_max.unwrap())
    };
    // Its last sample stands on the eleventh millisecond, of which it took four tenths.
    let (average, highest) = of_micros(10_412, 10_087, &[(11, 10_087)]);
    near(Some(average), 10_087.0 / 104.12);
    near(Some(highest), average);
    let (average, highest) = of_micros(10_412, 10_087, &[(2, 1_800), (5, 4_500), (11, 10_087)]);
    near(Some(average), 10_087.0 / 104.12);
    near(Some(highest), average);
    // The curve has missed some of it.
    let (average, highest) = of_micros(20_000, 10_000, &[(20, 6_000)]);
    assert_eq!((average, highest), (50.0, 50.0));
    // Fifty milliseconds are the shortest interval.
    let (average, highest) = of_micros(5_200, 5_150, &[(2, 1_500), (5, 4_700), (6, 5_150)]);
    near(Some(average), 515.0 / 5.2);
    near(Some(highest), average);
}

#[test]
fn a_curve_that_misses_cpu_time_has_no_p95() {
    let stats_of = |readings: &[(u64, u64, u64)], cpu_us: u64, ms: u64| {
        let totals = Totals { cpu_ns: Some(cpu_us * 1000), quality: Quality::Exact, ..Totals::default() };
        of(Curve::Measured(&measured_of(readings)), Some(&totals), lasted(ms)).unwrap()
    };
    // `head -c 80M /dev/zero`: 7 ms, of which the curve saw too little.
    let short = stats_of(&[(7, 2, 1)], 5_200, 7);
    near(short.cpu_avg, 5.2 / 7.0 * 100.0);
    assert_eq!((short.cpu_p95, short.cpu_max), (None, short.cpu_avg));
    // A curve of clock ticks may also have too much.
    assert_eq!(stats_of(&[(16, 20, 2)], 7_000, 16).cpu_p95, None);
    // The curve ended before the work began.
    assert_eq!(stats_of(&[(1000, 0, 1)], 900_000, 2000).cpu_p95, None);
    // Rounding, and an idle run whose start the curve did not see.
    near(stats_of(&[(100, 49, 1)], 50_000, 100).cpu_p95, 49.0);
    near(stats_of(&[(1000, 0, 1)], 1_200, 1000).cpu_p95, 0.0);
}

#[test]
fn an_exact_account_is_better_than_a_curve_of_clock_ticks() {
    let samples = measured_of(&[(16, 20, 2)]);
    let exact = Totals { cpu_ns: Some(7_000_000), quality: Quality::Exact, ..Totals::default() };
    let stats = of(Curve::Measured(&samples), Some(&exact), lasted(16)).unwrap();
    near(stats.cpu_seconds, 0.007);
    let ticks = Totals { quality: Quality::Ticks, ..exact };
    near(of(Curve::Measured(&samples), Some(&ticks), lasted(16)).unwrap().cpu_seconds, 0.02);
}

#[test]
fn time_in_which_nobody_could_read_memory_pulls_no_average_down() {
    // A program of 40 MiB, then a loop of the shell itself.
    let samples = measured_of(&[(1000, 1, 40), (2000, 1000, 0), (9000, 8000, 0)]);
    let stats = of(Curve::Measured(&samples), None, lasted(9000)).unwrap();
    near(stats.rss_avg_mb, 40.0);
    near(stats.rss_p95_mb, 40.0);
}

#[test]
fn an_open_run_is_known_up_to_its_last_sample() {
    let open = Span { open: true, ..lasted(60_000) };
    assert_eq!(of(Curve::Measured(&[]), None, open), None);
    let samples = measured_of(&[(50_000, 25_000, 10)]);
    let stats = of(Curve::Measured(&samples), None, open).unwrap();
    near(stats.cpu_avg, 50.0);
    near(stats.duration_s, 60.0);
    assert!(stats.peak_lower_bound);
}

#[test]
fn background_processes_are_averaged_over_the_time_they_ran() {
    let samples = measured_of(&[(10_000, 5_000, 10)]);
    let totals = Totals { cpu_ns: Some(5_000_000_000), ..Totals::default() };
    let span = Span { background: true, ..lasted(4) };
    let stats = of(Curve::Measured(&samples), Some(&totals), span).unwrap();
    near(stats.cpu_avg, 50.0);
    near(stats.duration_s, 0.004);

    // Nobody saw where, or most of, the CPU time went.
    for seen in [vec![], measured_of(&[(4_000, 1_000, 10)])] {
        let stats = of(Curve::Measured(&seen), Some(&totals), span).unwrap();
        assert_eq!((stats.cpu_avg, stats.cpu_seconds), (None, Some(5.0)));
    }
}

#[test]
fn an_average_made_of_rounding_is_unknown() {
    for (quality, ms, known) in [
        (Quality::Exact, 1, true),
        (Quality::Counter, 1, true),
        (Quality::Times, 9, false),
        (Quality::Times, 10, true),
        (Quality::Ticks, 99, false),
        (Quality::Ticks, 100, true),
        (Quality::Sampled, 99, false),
    ] {
        let totals = Totals { cpu_ns: Some(1_000_000), quality, ..Totals::default() };
        let stats = of(Curve::Measured(&[]), Some(&totals), lasted(ms)).unwrap();
        assert_eq!(stats.cpu_avg.is_some(), known, "{quality:?} {ms}");
    }
}

#[test]
fn nothing_burns_more_than_all_cpus() {
    let span = Span { cpus: Some(2), ..lasted(1000) };
    let burned = |ms: u64| {
        let totals = Totals { cpu_ns: Some(ms * 1_000_000), quality: Quality::Exact, ..Totals::default() };
        of(Curve::Measured(&[]), Some(&totals), span).unwrap().cpu_avg
    };
    assert_eq!((burned(1900), burned(2050), burned(9000)), (Some(190.0), Some(200.0), None));

    // A child of 900 ms is waited for, and its time arrives at once.
    let samples = measured_of(&[(500, 0, 10), (990, 0, 10), (1000, 900, 10)]);
    let stats = of(Curve::Measured(&samples), None, span).unwrap();
    near(stats.cpu_max, 180.0);
    near(stats.cpu_avg, 90.0);
    let samples = measured_of(&[(1, 900, 10), (1000, 900, 10)]);
    // Nobody knows when; on the average it was that much.
    near(of(Curve::Measured(&samples), None, span).unwrap().cpu_max, 90.0);
}

#[test]
fn total_and_split_never_contradict_each_other() {
    let split = |cpu_ms: u64, user_ms: u64, system_ms: u64, span: Span| {
        let ns = |ms: u64| Some(ms * 1_000_000);
        let totals = Totals {
            cpu_ns: ns(cpu_ms),
            user_ns: ns(user_ms),
            system_ns: ns(system_ms),
            quality: Quality::Times,
            ..Totals::default()
        };
        let samples = measured_of(&[(100, 11, 10)]);
        let stats = of(Curve::Measured(&samples), Some(&totals), span).unwrap();
        (stats.cpu_seconds, stats.user_seconds, stats.system_seconds)
    };
    assert_eq!(split(3, 3, 0, lasted(100)), (Some(0.003), Some(0.003), Some(0.0)));
    assert_eq!(split(3, 3, 0, Span { background: true, ..lasted(100) }), (Some(0.011), None, None));
    assert_eq!(split(11, 3, 0, lasted(100)), (Some(0.011), None, None));
}

#[test]
fn what_the_run_did_and_what_went_on_around_it_is_shown_in_the_units_of_the_contract() {
    let totals = Totals {
        activity: Activity {
            wait_ns: Some(1_500_000_000),
            read_bytes: Some(3 << 20),
            major_faults: Some(7),
            max_threads: Some(9),
            ..Activity::default()
        },
        surroundings: Surroundings {
            over_us: Some(2_000_000),
            cpu_stall_us: Some(500_000),
            memory_stall_us: Some(0),
            io_stall_us: Some(2_000_500),
            suspended_ms: Some(1500),
            host_cpu_permille: Some(655),
        },
        ..Totals::default()
    };
    let stats = of(Curve::Measured(&[]), Some(&totals), lasted(2000)).unwrap();
    near(stats.wait_seconds, 1.5);
    near(stats.read_mb, 3.0);
    assert_eq!((stats.major_faults, stats.max_threads, stats.minor_faults), (Some(7), Some(9), None));
    assert_eq!((stats.written_mb, stats.voluntary_switches), (None, None));
    near(stats.pressure_cpu, 25.0);
    near(stats.pressure_memory, 0.0);
    near(stats.pressure_io, 100.0);
    near(stats.host_cpu_avg, 65.5);
    near(stats.suspended_s, 1.5);

    let unread = Surroundings { over_us: Some(0), cpu_stall_us: Some(3), ..Surroundings::default() };
    let totals = Totals { surroundings: unread, ..totals };
    let stats = of(Curve::Measured(&[]), Some(&totals), lasted(2000)).unwrap();
    assert_eq!((stats.pressure_cpu, stats.pressure_memory, stats.host_cpu_avg), (None, None, None));
}

#[test]
fn posted_averages_are_time_integrals_over_the_posted_time() {
    let points = posted_of(&[(100.0, 0.0, 100.0), (101.0, 100.0, 200.0), (111.0, 100.0, 200.0)]);
    let stats = of(Curve::Posted(&points), None, lasted(5)).unwrap();
    near(stats.cpu_avg, (50.0 + 1000.0) / 11.0);
    near(stats.rss_avg_mb, (150.0 + 2000.0) / 11.0);
    near(stats.cpu_seconds, 10.5);
    near(stats.cpu_max, 100.0);

    let lone = posted_of(&[(100.0, 12.4, 230.5)]);
    let stats = of(Curve::Posted(&lone), None, lasted(5)).unwrap();
    near(stats.cpu_avg, 12.4);
    near(stats.cpu_p95, 12.4);
    near(stats.rss_max_mb, 230.5);
    assert_eq!(stats.cpu_seconds, None);
}

proptest! {
    #[test]
    fn whatever_account_and_curve_say_the_figures_do_not_contradict_each_other(
        steps in prop::collection::vec((1u64..500, 0u64..2000), 1..40), account_ms in 0u64..40_000,
        tail_ms in 0u64..1000, cpus in prop::option::of(1u32..8), quality in 0..5_usize
    ) {
        let mut at = (0, 0);
        let readings: Vec<_> = steps.iter().map(|&(ms, cpu)| {
            at = (at.0 + ms, at.1 + cpu);
            (at.0, at.1, 1)
        }).collect();
        let samples = measured_of(&readings);
        let qualities =
            [Quality::Exact, Quality::Counter, Quality::Times, Quality::Ticks, Quality::Sampled];
        let totals = Totals {
            cpu_ns: Some(account_ms * 1_000_000), quality: qualities[quality], ..Totals::default()
        };
        let span = Span { cpus, ..lasted(at.0 + tail_ms) };
        let stats = of(Curve::Measured(&samples), Some(&totals), span).unwrap();
        if let Some(average) = stats.cpu_avg {
            prop_assert!(average <= stats.cpu_max.unwrap() + 1e-6, "{:?}", stats);
        }
        if let Some(p95) = stats.cpu_p95 {
            prop_assert!(p95 <= stats.cpu_max.unwrap() + 1e-6, "{:?}", stats);
            // The curve has the CPU time of the account, but for the stated slack.
            let pieces = drawn(Curve::Measured(&samples), Some(&totals), span);
            let seen_s: f64 = pieces.iter().map(|piece| piece.cpu_percent / 100.0 * piece.seconds()).sum();
            let cpu_s = stats.cpu_seconds.unwrap();
            let slack_s = (0.1 * cpu_s).max(0.01 * stats.duration_s.unwrap()) + 1e-9;
            prop_assert!((cpu_s - seen_s).abs() <= slack_s, "{} {:?}", seen_s, stats);
        }
    }

    #[test]
    fn figures_are_finite_and_averages_never_exceed_the_highest(
        steps in prop::collection::vec((0u64..5000, 0u64..20_000, 0u64..4096), 0..60), tail_ms in 0u64..10_000
    ) {
        let mut at = (0, 0);
        let readings: Vec<_> = steps.iter().map(|&(ms, cpu, mib)| {
            at = (at.0 + ms, at.1 + if ms == 0 { 0 } else { cpu });
            (at.0, at.1, mib)
        }).collect();
        let samples = measured_of(&readings);
        let stats = of(Curve::Measured(&samples), None, lasted(at.0 + tail_ms)).unwrap();
        let all = [stats.cpu_avg, stats.cpu_p95, stats.cpu_max, stats.rss_avg_mb, stats.rss_p95_mb, stats.rss_max_mb];
        prop_assert!(all.iter().flatten().all(|value| value.is_finite() && *value >= 0.0));
        for (lower, upper) in [
            (stats.cpu_avg, stats.cpu_max), (stats.cpu_p95, stats.cpu_max),
            (stats.rss_avg_mb, stats.rss_max_mb), (stats.rss_p95_mb, stats.rss_max_mb),
        ] {
            if let (Some(lower), Some(upper)) = (lower, upper) {
                prop_assert!(lower <= upper + 1e-6, "{} > {}", lower, upper);
            }
        }
    }
}

#[test]
fn an_unknown_duration_leaves_the_other_figures() {
    let samples = measured_of(&[(1000, 400, 10), (2000, 900, 30)]);
    let totals = Totals { cpu_ns: Some(900_000_000), user_ns: Some(900_000_000), ..Totals::default() };
    let unknown = Span { duration: None, ..lasted(0) };
    let stats = of(Curve::Measured(&samples), Some(&totals), unknown).unwrap();
    assert_eq!((stats.duration_s, stats.cpu_avg), (None, None));
    near(stats.cpu_seconds, 0.9);
    near(stats.cpu_max, 50.0);
    near(stats.rss_max_mb, 30.0);
    assert_eq!(stats.samples, 2);
}

#[test]
fn a_duration_of_a_few_clock_steps_gives_no_rates() {
    let totals = Totals { cpu_ns: Some(813_000), quality: Quality::Counter, ..Totals::default() };
    let samples = measured_of(&[(1, 1, 2)]);
    let span = |took_us| Span {
        duration: Some(Duration::from_micros(took_us)),
        duration_step: Duration::from_millis(1),
        ..lasted(0)
    };
    let rates = |took_us| {
        let stats = of(Curve::Measured(&samples), Some(&totals), span(took_us)).unwrap();
        (stats.cpu_avg.is_some(), stats.cpu_max.is_some(), stats.cpu_seconds)
    };
    // 163 % of a builtin of fish, which is one thread.
    assert_eq!(rates(500), (false, false, Some(0.000_813)));
    assert_eq!(rates(10_000), (true, true, Some(0.000_813)));
}
