//! Sentences in Turkish and English from codes and numbers, by Fluent.

/// A language bp speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    #[default]
    En,
    Tr,
}
