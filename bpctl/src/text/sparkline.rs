//! A curve in one line of block characters.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `values` in at most `width` characters, the highest in each piece, against `top` (the highest of all when `None`).
/// What is not known is a blank.
pub fn sparkline(values: &[Option<f64>], width: usize, top: Option<f64>) -> String {
    if values.is_empty() || width == 0 {
        return String::new();
    }
    let top = top.or_else(|| highest(values)).unwrap_or(0.0);
    let columns = width.min(values.len());
    (0..columns)
        .map(|column| {
            let from = column * values.len() / columns;
            let to = ((column + 1) * values.len() / columns).max(from + 1);
            highest(&values[from..to]).map_or(' ', |value| block(value, top))
        })
        .collect()
}

/// The highest known value.
pub fn highest(values: &[Option<f64>]) -> Option<f64> {
    values.iter().flatten().copied().filter(|value| value.is_finite()).reduce(f64::max)
}

fn block(value: f64, top: f64) -> char {
    if top <= 0.0 {
        return BLOCKS[0];
    }
    let step = (value / top * 8.0).ceil().clamp(1.0, 8.0) as usize;
    BLOCKS[step - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn peaks_are_kept_and_the_unknown_is_blank() {
        assert_eq!(sparkline(&known(&[0.0, 50.0, 100.0]), 10, None), "▁▄█");
        assert_eq!(sparkline(&known(&[1.0, 100.0, 1.0, 1.0]), 2, None), "█▁");
        assert_eq!(sparkline(&[None, Some(1.0)], 5, None), " █");
        assert_eq!(sparkline(&known(&[50.0]), 5, Some(100.0)), "▄");
        assert_eq!(sparkline(&known(&[0.0, 0.0]), 5, None), "▁▁");
        assert_eq!(sparkline(&[], 5, None), "");
    }
}
