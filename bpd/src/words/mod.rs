//! Sentences in Turkish and English from codes and numbers, by Fluent. `en.ftl` and `tr.ftl` are part of the program.

mod lang;
mod number;
mod sentence;

pub use lang::Lang;
pub use sentence::{
    alert, alert_title, comment, hint, label, outside_usual, reason, refused, trouble, verdict,
};
