//! What does not work as it should, in no language yet: whoever finds it names it, whoever is asked says it.

use std::fmt;

/// The name of a sentence, as in `words/en.ftl` without its `trouble-`, and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub id: &'static str,
    pub params: Vec<(&'static str, String)>,
}

impl Trouble {
    pub fn plain(id: &'static str) -> Self {
        Self { id, params: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.params.push((name, value.to_string()));
        self
    }
}

/// For the log.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)?;
        self.params.iter().try_for_each(|(name, value)| write!(f, ", {name}: {value}"))
    }
}
