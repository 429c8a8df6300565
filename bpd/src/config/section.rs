//! One table of a TOML file, taken apart key by key: what is left over at the end is an unknown key.

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::wrong::{Place, Wrong};
use crate::trouble::Trouble;

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
    wrong: Vec<Wrong>,
}

impl<'a> Section<'a> {
    /// The whole file.
    ///
    /// # Errors
    /// What is no TOML. What else is wrong would be guessed, and is not looked for.
    pub(super) fn parse(source: Source<'a>) -> Result<Self, Vec<Wrong>> {
        let (table, errors) = DeTable::parse_recoverable(source.text);
        if errors.is_empty() {
            return Ok(Self::new(source, String::new(), table.into_inner()));
        }
        let wrong = errors.iter().map(|error| {
            let line = error.span().map_or(1, |span| source.line(&span));
            let why = Trouble::plain("config-syntax").with("message", error.message());
            Wrong { place: Place::File { path: source.path.to_owned(), line, key: None }, why }
        });
        Err(in_order(wrong.collect()))
    }

    fn new(source: Source<'a>, prefix: String, table: DeTable<'a>) -> Self {
        let left = table
            .into_iter()
            .map(|(key, value)| {
                let (key_at, value_at) = (key.span(), value.span());
                Entry { key: key.into_inner().into_owned(), key_at, value: value.into_inner(), value_at }
            })
            .collect();
        Self { source, prefix, left, known: Vec::new(), wrong: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.known.push(key);
        let at = self.left.iter().position(|entry| entry.key == key)?;
        Some(self.left.remove(at))
    }

    /// The value at `at` of a key.
    fn bad(&mut self, key: &str, at: &Range<usize>, why: Trouble) {
        let place = Place::File {
            path: self.source.path.to_owned(),
            line: self.source.line(at),
            key: Some(format!("{}{key}", self.prefix)),
        };
        self.wrong.push(Wrong { place, why });
    }

    /// Reads the table `key` with `read`, which need not look for leftovers.
    pub(super) fn table(&mut self, key: &'static str, read: impl FnOnce(&mut Self)) {
        let Some(entry) = self.take(key) else { return };
        let DeValue::Table(table) = entry.value else {
            let written = format!("[{}{key}]", self.prefix);
            return self.bad(key, &entry.value_at, Trouble::plain("config-table").with("written", written));
        };
        let mut inner = Self::new(self.source, format!("{}{key}.", self.prefix), table);
        read(&mut inner);
        self.wrong.append(&mut inner.all_wrong());
    }

    pub(super) fn flag(&mut self, key: &'static str, into: &mut bool) {
        match self.take(key) {
            None => {}
            Some(Entry { value: DeValue::Boolean(flag), .. }) => *into = flag,
            Some(entry) => self.bad(key, &entry.value_at, Trouble::plain("config-flag")),
        }
    }

    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>, into: &mut f64) {
        let Some(entry) = self.take(key) else { return };
        let number = match &entry.value {
            DeValue::Integer(number) => number.to_string().parse::<f64>().ok(),
            DeValue::Float(number) => number.to_string().parse().ok(),
            _ => None,
        };
        if let Some(number) = number.filter(|number| range.contains(number)) {
            *into = number;
        } else {
            let (low, high) = range.into_inner();
            let why = Trouble::plain("config-number").with("low", low).with("high", high);
            self.bad(key, &entry.value_at, why);
        }
    }

    /// A duration, written as a number of seconds.
    pub(super) fn seconds(&mut self, key: &'static str, range: RangeInclusive<f64>, into: &mut Duration) {
        let mut seconds = into.as_secs_f64();
        self.number(key, range, &mut seconds);
        *into = Duration::from_secs_f64(seconds);
    }

    /// A text that `read` understands, or says why not.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        into: &mut T,
        read: impl FnOnce(&str) -> Result<T, Trouble>,
    ) {
        let Some(entry) = self.take(key) else { return };
        let read = match &entry.value {
            DeValue::String(text) => read(text),
            _ => Err(Trouble::plain("config-text")),
        };
        match read {
            Ok(value) => *into = value,
            Err(why) => self.bad(key, &entry.value_at, why),
        }
    }

    /// A list of texts, each of which `read` understands, or says why not.
    pub(super) fn texts(&mut self, key: &'static str, mut read: impl FnMut(&str) -> Result<(), Trouble>) {
        let Some(entry) = self.take(key) else { return };
        let DeValue::Array(texts) = &entry.value else {
            return self.bad(key, &entry.value_at, Trouble::plain("config-texts"));
        };
        for text in texts {
            let read = match text.get_ref() {
                DeValue::String(text) => read(text),
                _ => Err(Trouble::plain("config-texts-quoted")),
            };
            if let Err(why) = read {
                // Of a list over many lines the one that is wrong.
                self.bad(key, &text.span(), why);
            }
        }
    }

    /// Everything, with what nobody asked for, in the order of the file.
    pub(super) fn all_wrong(mut self) -> Vec<Wrong> {
        let known: Vec<String> = self.known.iter().map(|key| format!("`{key}`")).collect();
        let known = known.join(", ");
        for entry in &self.left {
            let why = Trouble::plain("config-unknown-key")
                .with("key", format!("{}{}", self.prefix, entry.key))
                .with("known", &known);
            let line = self.source.line(&entry.key_at);
            let place = Place::File { path: self.source.path.to_owned(), line, key: None };
            self.wrong.push(Wrong { place, why });
        }
        in_order(self.wrong)
    }
}

fn in_order(mut wrong: Vec<Wrong>) -> Vec<Wrong> {
    wrong.sort_by_key(Wrong::line);
    wrong
}
