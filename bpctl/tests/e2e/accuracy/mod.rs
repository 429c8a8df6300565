//! What bp says of a run against what the run has really cost: every bound of the table, by `bpctl run` and by the
//! hooks of real shells, as root and as nobody. Accounting against accounting: a busy machine changes neither.

mod hooked;
mod lines;
mod verdict;
mod wrapped;

use workload::suite::{CASES, Case};

/// All but the daemon of a command that ends at once: on a busy machine bpd hears of it when nobody can tell any more
/// whose it was. What is said of one is held to its bound by `cargo xtask bench accuracy`.
fn cases() -> Vec<&'static Case> {
    CASES.iter().filter(|case| !case.outlives_line).collect()
}
