//! What bp says of a run against what the run has really cost: every bound of the table, by `bpctl run` and by the
//! hooks of real shells, as root and as nobody. Accounting against accounting: a busy machine changes neither.

mod hooked;
mod lines;
mod verdict;
mod wrapped;
