//! Which lines of a shell's history bp knows already: those that were imported before, and those that were recorded as
//! they were typed.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use bp_proto::{Draft, Start, UnixMillis};

use super::{NoAnswer, Queries};
use crate::store::{Cursor, Reader, Row, StoreError, Within};

/// A history has seconds, and a shell takes its time between Enter and writing one down.
const SAME_MOMENT: Duration = Duration::from_secs(2);

/// More lines than this within [`SAME_MOMENT`] come from a program.
const MAX_IN_A_MOMENT: usize = 200;

/// Rows that are taken from the index at a time.
const ROWS_AT_ONCE: usize = 256;

/// What one import has seen so far.
#[derive(Debug, Default)]
pub struct Known {
    /// How often a line was recorded as it was typed, by shell and text: those that no line of this import stands for
    /// yet. `None` until an undated line comes.
    typed: Option<HashMap<u64, u32>>,
    /// Recorded runs for which a dated line of this import stands.
    matched: HashMap<u64, u32>,
}

impl Known {
    /// Whether this line of a history was imported before, or recorded when it was typed. To be asked once a line, in the
    /// order of the import.
    ///
    /// # Errors
    /// 500 `store_failed`.
    pub fn has(&mut self, queries: &Queries, line: &Start) -> Result<bool, NoAnswer> {
        let reader = queries.reader();
        if reader.is_registered(line.uid)? {
            return Ok(true);
        }
        Ok(match line.draft.started_at.dated() {
            Some(at) => self.is_recorded(reader, &line.draft, at)?,
            None => self.takes_typed(reader, &line.draft)?,
        })
    }

    /// Whether the line was recorded in that shell about then.
    fn is_recorded(&mut self, reader: &Reader, draft: &Draft, at: UnixMillis) -> Result<bool, StoreError> {
        let from = at.minus(SAME_MOMENT);
        let end = Cursor { started_at: at.plus(SAME_MOMENT).plus(Duration::from_millis(1)), id: 0 };
        for row in reader.rows(&Within::All, Some(end), MAX_IN_A_MOMENT)? {
            if row.cursor.started_at < from {
                break;
            }
            if typed_text(reader, &row, draft.shell.as_deref())? == draft.command {
                *self.matched.entry(hash(draft)).or_default() += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a run that was recorded as it was typed stands for this undated line. Each stands for one line only, so
    /// that of equal lines those beyond the recorded ones are new.
    fn takes_typed(&mut self, reader: &Reader, draft: &Draft) -> Result<bool, StoreError> {
        let typed = match &mut self.typed {
            Some(typed) => typed,
            none => none.insert(typed_counts(reader, draft.shell.as_deref(), &self.matched)?),
        };
        Ok(match typed.get_mut(&hash(draft)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        })
    }
}

/// How often each text was recorded as it was typed in that shell, without those that dated lines stand for.
fn typed_counts(
    reader: &Reader,
    shell: Option<&str>,
    matched: &HashMap<u64, u32>,
) -> Result<HashMap<u64, u32>, StoreError> {
    let mut counts: HashMap<u64, u32> = HashMap::new();
    let mut before = None;
    loop {
        let rows = reader.rows(&Within::All, before, ROWS_AT_ONCE)?;
        let Some(last) = rows.last() else { break };
        before = Some(last.cursor);
        for row in &rows {
            if let Some(text) = typed_text(reader, row, shell)? {
                *counts.entry(hash_of(shell, Some(&text))).or_default() += 1;
            }
        }
    }
    for (hash, taken) in matched {
        if let Some(count) = counts.get_mut(hash) {
            *count = count.saturating_sub(*taken);
        }
    }
    Ok(counts)
}

/// The text of a run that was recorded as it was typed in that shell.
fn typed_text(reader: &Reader, row: &Row, shell: Option<&str>) -> Result<Option<String>, StoreError> {
    // Those that were imported, and those without a text, are no baseline.
    if row.no_baseline {
        return Ok(None);
    }
    let run = reader.get(row.cursor.id)?.filter(|run| !run.imported && run.shell.as_deref() == shell);
    Ok(run.and_then(|run| run.command))
}

fn hash(draft: &Draft) -> u64 {
    hash_of(draft.shell.as_deref(), draft.command.as_deref())
}

fn hash_of(shell: Option<&str>, text: Option<&str>) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((shell, text))
}
