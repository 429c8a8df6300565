//! One table of a TOML file, taken apart key by key: what is left over at the end is an unknown key.

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::ConfigError;

/// The file that an error names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// The line of a byte, from 1.
    fn line(&self, at: &Range<usize>) -> usize {
        self.text.get(..at.start).map_or(1, |before| before.matches('\n').count() + 1)
    }
}

#[derive(Debug)]
struct Entry<'a> {
    key: String,
    key_at: Range<usize>,
    value: DeValue<'a>,
    value_at: Range<usize>,
}

#[derive(Debug)]
pub(super) struct Section<'a> {
    source: Source<'a>,
    /// `alerts.cpu_high.`, empty at the top.
    prefix: String,
    left: Vec<Entry<'a>>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn parse(source: Source<'a>) -> Result<Self, ConfigError> {
        let table = DeTable::parse(source.text).map_err(|error| ConfigError::Syntax {
            path: source.path.to_owned(),
            line: error.span().map_or(1, |span| source.line(&span)),
            message: error.message().to_owned(),
        })?;
        Ok(Self::new(source, String::new(), table.into_inner()))
    }

    fn new(source: Source<'a>, prefix: String, table: DeTable<'a>) -> Self {
        let left = table
            .into_iter()
            .map(|(key, value)| {
                let (key_at, value_at) = (key.span(), value.span());
                Entry { key: key.into_inner().into_owned(), key_at, value: value.into_inner(), value_at }
            })
            .collect();
        Self { source, prefix, left, known: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.known.push(key);
        let at = self.left.iter().position(|entry| entry.key == key)?;
        Some(self.left.remove(at))
    }

    fn bad(&self, entry: &Entry<'_>, why: String) -> ConfigError {
        ConfigError::BadValue {
            path: self.source.path.to_owned(),
            line: self.source.line(&entry.value_at),
            key: format!("{}{}", self.prefix, entry.key),
            why,
        }
    }

    /// Reads the table `key` with `read`, which need not look for leftovers.
    pub(super) fn table(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Self) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let Some(mut entry) = self.take(key) else { return Ok(()) };
        let DeValue::Table(table) = std::mem::replace(&mut entry.value, DeValue::Boolean(false)) else {
            return Err(self.bad(&entry, format!("is a table: write [{}{key}]", self.prefix)));
        };
        let mut inner = Self::new(self.source, format!("{}{key}.", self.prefix), table);
        read(&mut inner)?;
        inner.finish()
    }

    pub(super) fn flag(&mut self, key: &'static str, into: &mut bool) -> Result<(), ConfigError> {
        match self.take(key) {
            None => Ok(()),
            Some(Entry { value: DeValue::Boolean(flag), .. }) => {
                *into = flag;
                Ok(())
            }
            Some(entry) => Err(self.bad(&entry, "is true or false".to_owned())),
        }
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
        into: &mut f64,
    ) -> Result<(), ConfigError> {
        let Some(entry) = self.take(key) else { return Ok(()) };
        let number = match &entry.value {
            DeValue::Integer(number) => number.to_string().parse::<f64>().ok(),
            DeValue::Float(number) => number.to_string().parse().ok(),
            _ => None,
        };
        let Some(number) = number.filter(|number| range.contains(number)) else {
            let (low, high) = range.into_inner();
            return Err(self.bad(&entry, format!("is a number from {low} to {high}")));
        };
        *into = number;
        Ok(())
    }

    /// A duration, written as a number of seconds.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
        into: &mut Duration,
    ) -> Result<(), ConfigError> {
        let mut seconds = into.as_secs_f64();
        self.number(key, range, &mut seconds)?;
        *into = Duration::from_secs_f64(seconds);
        Ok(())
    }

    /// A text that `read` understands, or says why not.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        into: &mut T,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<(), ConfigError> {
        let Some(entry) = self.take(key) else { return Ok(()) };
        let DeValue::String(text) = &entry.value else {
            return Err(self.bad(&entry, "is a text in quotes".to_owned()));
        };
        *into = read(text).map_err(|why| self.bad(&entry, why))?;
        Ok(())
    }

    /// A list of texts, each of which `read` understands, or says why not.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str) -> Result<(), String>,
    ) -> Result<(), ConfigError> {
        let Some(mut entry) = self.take(key) else { return Ok(()) };
        let DeValue::Array(texts) = &entry.value else {
            return Err(self.bad(&entry, "is a list of texts in brackets: [\"…\", \"…\"]".to_owned()));
        };
        let wrong = texts.iter().find_map(|text| {
            let read = match text.get_ref() {
                DeValue::String(text) => read(text),
                _ => Err("is a list of texts in quotes".to_owned()),
            };
            read.err().map(|why| (text.span(), why))
        });
        let Some((at, why)) = wrong else { return Ok(()) };
        // Of a list over many lines the one that is wrong.
        entry.value_at = at;
        Err(self.bad(&entry, why))
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let Some(unknown) = self.left.iter().min_by_key(|entry| entry.key_at.start) else { return Ok(()) };
        let known: Vec<String> = self.known.iter().map(|key| format!("`{key}`")).collect();
        Err(ConfigError::UnknownKey {
            path: self.source.path.to_owned(),
            line: self.source.line(&unknown.key_at),
            key: format!("{}{}", self.prefix, unknown.key),
            known: known.join(", "),
        })
    }
}
