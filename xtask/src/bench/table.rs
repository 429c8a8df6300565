//! A table of figures, as Markdown.

use std::fmt;

pub(crate) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    missed: Vec<String>,
}

impl Table {
    pub(crate) fn new(heads: &[&str]) -> Self {
        Self { heads: heads.iter().map(ToString::to_string).collect(), rows: Vec::new(), missed: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Holds `value` against its target: what is above `limit` is missed.
    pub(crate) fn judge(&mut self, what: &str, value: f64, limit: f64) {
        if value > limit {
            self.missed.push(format!("{what}: {value:.1}, target ≤ {limit}"));
        }
    }

    pub(crate) fn missed(&self) -> &[String] {
        &self.missed
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", self.heads.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(self.heads.len()))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// The value below which the share `q` (0 … 1) of `values` lies; `values` need not be sorted.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = q * (sorted.len().saturating_sub(1)) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (at - at.floor())
}

pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_its_target_is_missed() {
        let mut table = Table::new(&["figure"]);
        table.judge("met", 1.0, 1.0);
        table.judge("wake-ups", 2.0, 0.0);
        assert_eq!(table.missed(), ["wake-ups: 2.0, target ≤ 0"]);
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert!((quantile(&[3.0, 1.0, 2.0, 4.0], 0.5) - 2.5).abs() < 1e-12);
        assert!((quantile(&[7.0], 0.95) - 7.0).abs() < 1e-12);
    }
}
