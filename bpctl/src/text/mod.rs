//! What people read: pure functions from values to text.

pub mod clock;
pub mod escape;
pub mod figures;
pub mod help;
pub mod rules;
pub mod said;
pub mod search;
pub mod sparkline;
pub mod table;
pub mod words;
