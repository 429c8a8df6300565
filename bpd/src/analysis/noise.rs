//! How much a figure varies from run to run when nothing has changed.

use super::metric::Unit;
use super::quantile;

/// Fewer say nothing about the spread.
pub const MIN_POOL: usize = 5;
/// More would reach back to another program.
pub const MAX_POOL: usize = 50;

/// MAD of a normal distribution × this = its standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;
/// No figure repeats better than 2 %, whatever a lucky pool says.
const LEAST_SPREAD: f64 = 0.02;
/// Without a pool: the middle of what commands vary by.
const ROUGH_SPREAD: f64 = 0.10;
/// Three standard deviations of an assumed spread.
const ROUGH_CRITICAL: f64 = 3.0;

/// The logarithms of one figure over comparable runs, in rising order.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    logs: Vec<f64>,
}

impl Pool {
    pub fn new(values: impl Iterator<Item = f64>, unit: Unit) -> Self {
        let mut logs: Vec<f64> = values.take(MAX_POOL).map(|value| log(value, unit)).collect();
        logs.sort_by(f64::total_cmp);
        Self { logs }
    }

    pub fn runs(&self) -> usize {
        self.logs.len()
    }

    /// Too few runs for anything but a rough judgement.
    pub fn is_rough(&self) -> bool {
        self.logs.len() < MIN_POOL
    }

    /// Standard deviation of the logarithm, robust against accidents.
    pub fn spread(&self) -> f64 {
        if self.is_rough() {
            return ROUGH_SPREAD;
        }
        mad(&self.logs).map_or(ROUGH_SPREAD, |mad| (MAD_TO_SIGMA * mad).max(LEAST_SPREAD))
    }

    /// How many standard errors a difference needs. A small pool's MAD lies: |z| ≥ 3 gives 11 % false alarms at five
    /// runs. These keep it at 1 % (simulated; a test repeats it).
    pub fn critical(&self) -> f64 {
        match self.logs.len() {
            ..MIN_POOL => ROUGH_CRITICAL,
            5 => 9.9,
            6..=7 => 6.4,
            8..=9 => 4.9,
            10..=14 => 4.3,
            15..=19 => 3.6,
            _ => 3.2,
        }
    }

    /// How many standard deviations one run must lie from the median to be unusual: 3.5 keeps false alarms at 0.6 %
    /// with twenty runs; smaller pools need more for the same (simulated; a test repeats it). `None` = too few.
    pub fn critical_alone(&self) -> Option<f64> {
        match self.logs.len() {
            ..10 => None,
            10..=11 => Some(5.1),
            12..=19 => Some(4.3),
            _ => Some(3.5),
        }
    }

    /// Of two logarithms: their difference in standard errors.
    pub fn z(&self, current: f64, baseline: f64) -> f64 {
        (current - baseline) / (self.spread() * std::f64::consts::SQRT_2)
    }

    /// Between the lowest and the highest of the pool.
    pub fn spans(&self, log: f64) -> bool {
        matches!((self.logs.first(), self.logs.last()), (Some(least), Some(most)) if (*least..=*most).contains(&log))
    }

    /// Of a value: how many standard deviations it lies above the median. `None` for a rough pool.
    pub fn deviation(&self, log: f64) -> Option<f64> {
        if self.is_rough() {
            return None;
        }
        Some((log - self.quantile(0.5)?) / self.spread())
    }

    pub fn quantile(&self, q: f64) -> Option<f64> {
        quantile::of_sorted(&self.logs, q)
    }
}

/// The logarithm in which figures are compared.
pub fn log(value: f64, unit: Unit) -> f64 {
    value.max(unit.resolution()).ln()
}

pub fn median(sorted: &[f64]) -> Option<f64> {
    quantile::of_sorted(sorted, 0.5)
}

/// Median of the absolute deviations from the median.
pub fn mad(sorted: &[f64]) -> Option<f64> {
    let middle = median(sorted)?;
    let mut deviations: Vec<f64> = sorted.iter().map(|value| (value - middle).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    median(&deviations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_accident_does_not_move_the_spread() {
        let quiet = Pool::new([1.0, 1.1, 0.9, 1.05, 0.95].into_iter(), Unit::Seconds);
        let accident = Pool::new([1.0, 1.1, 0.9, 1.05, 0.95, 60.0].into_iter(), Unit::Seconds);
        assert!(quiet.spread() > 0.05 && accident.spread() < 2.0 * quiet.spread());
    }

    #[test]
    fn equal_runs_still_have_the_least_spread_and_few_runs_the_rough_one() {
        let equal = Pool::new([1.0; 5].into_iter(), Unit::Seconds);
        assert!((equal.spread() - LEAST_SPREAD).abs() < 1e-12);
        let few = Pool::new([1.0; 4].into_iter(), Unit::Seconds);
        assert!((few.spread() - ROUGH_SPREAD).abs() < 1e-12);
        assert!(few.is_rough() && few.deviation(0.0).is_none());
    }

    #[test]
    fn zero_has_a_logarithm() {
        let pool = Pool::new([0.0; 6].into_iter(), Unit::Percent);
        assert!(pool.z(log(0.0, Unit::Percent), log(0.0, Unit::Percent)).abs() < 1e-12);
        assert!(pool.spans(log(0.0, Unit::Percent)));
    }
}
