//! What is known of a workload, for those who hold bp's figures against it: the programs themselves, what they report
//! of their own cost, and how far a measurement may be off.

pub mod bound;
mod counter;
mod group;
mod mortal;
pub mod suite;
pub mod truth;

pub use bound::{Bound, Way};
pub use counter::{is_allowed as counter_is_allowed, refuse as refuse_counters};
pub use group::Group;
pub use mortal::mortal;
pub use suite::Case;
pub use truth::Truth;
