//! Quantiles: of plain values, and of values that each held for some time.

/// The `q`-quantile of `values` that held for `weights`, linearly interpolated between the middles of their shares:
/// ```text
/// |──── a ────|── b ──|────── c ──────|    q runs along the line, values sorted; at the middle of b's share it is b
/// ```
/// `None` when nothing has a weight.
pub fn weighted(values: impl IntoIterator<Item = (f64, f64)>, q: f64) -> Option<f64> {
    let mut sorted: Vec<(f64, f64)> =
        values.into_iter().filter(|(value, weight)| value.is_finite() && *weight > 0.0).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let target = q * sorted.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut passed = 0.0;
    let mut before: Option<(f64, f64)> = None;
    for (value, weight) in sorted {
        let middle = passed + weight / 2.0;
        if target <= middle {
            return Some(match before {
                Some((lower, at)) => lower + (value - lower) * (target - at) / (middle - at),
                None => value,
            });
        }
        passed += weight;
        before = Some((value, middle));
    }
    before.map(|(value, _)| value)
}

/// The `q`-quantile of values in rising order, linearly interpolated between ranks.
pub fn of_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = q.clamp(0.0, 1.0) * last as f64;
    let (lower, upper) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    Some(lower + (upper - lower) * rank.fract())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(values: &[(f64, f64)], q: f64, wanted: Option<f64>) {
        assert_eq!(weighted(values.iter().copied(), q), wanted);
    }

    #[test]
    fn a_quantile_is_weighted_by_time() {
        check(&[], 0.5, None);
        check(&[(7.0, 0.0)], 0.5, None);
        check(&[(7.0, 3.0)], 0.95, Some(7.0));
        check(&[(20.0, 1.0), (10.0, 1.0)], 0.5, Some(15.0));
        check(&[(0.0, 3.0), (100.0, 1.0)], 0.625, Some(50.0));
        check(&[(0.0, 1.0), (100.0, 99.0)], 0.95, Some(100.0));
    }

    #[test]
    fn ranks_are_interpolated() {
        assert_eq!(of_sorted(&[], 0.5), None);
        assert_eq!(of_sorted(&[3.0], 0.9), Some(3.0));
        assert_eq!(of_sorted(&[1.0, 2.0, 3.0, 4.0], 0.5), Some(2.5));
        assert_eq!(of_sorted(&[0.0, 10.0], 0.9), Some(9.0));
    }

    proptest! {
        #[test]
        fn a_quantile_lies_within_the_values_and_never_falls_with_q(
            values in prop::collection::vec((0.0..1e6f64, 0.001..1e3f64), 1..40), a in 0.0..=1.0f64, b in 0.0..=1.0f64
        ) {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            let lower = weighted(values.iter().copied(), low).unwrap();
            let upper = weighted(values.iter().copied(), high).unwrap();
            let least = values.iter().map(|v| v.0).fold(f64::INFINITY, f64::min);
            let most = values.iter().map(|v| v.0).fold(0.0, f64::max);
            prop_assert!(lower <= upper + 1e-6);
            prop_assert!(least <= lower && upper <= most + 1e-6);
        }
    }
}
