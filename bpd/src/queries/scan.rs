//! Going through runs, newest first.

use bp_proto::{Run, UnixMillis};

use super::no_answer::Sentence;
use super::search::Filter;
use super::{NoAnswer, Queries};
use crate::store::{Cursor, Reader, Row, Within};

/// Rows that are taken from the index at a time.
const ROWS_AT_ONCE: usize = 256;

/// The runs that a question is about.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub within: Within,
    pub before: Option<Cursor>,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// There are no more runs.
    ToTheEnd,
    /// The visitor had enough.
    Enough,
    /// The limit was reached; the rest comes after this.
    UpTo(Cursor),
}

impl Scope {
    pub(super) fn all() -> Self {
        Self { within: Within::All, before: None }
    }

    /// Begins where the first run may match: the index is sorted by time.
    pub(super) fn narrowed_to(mut self, filter: &Filter) -> Self {
        self.before = match (self.before, filter.begins_before()) {
            (Some(before), Some(begins)) => Some(before.min(begins)),
            (before, begins) => before.or(begins),
        };
        self
    }

    /// Visits all rows until `visit` returns `false`. It ends early when the question is no longer waited for, and lets
    /// other threads run between two batches.
    pub(super) fn walk_all(
        &self,
        queries: &Queries,
        mut visit: impl FnMut(&Row) -> Result<bool, NoAnswer>,
    ) -> Result<Walked, NoAnswer> {
        let mut rest = self.clone();
        loop {
            queries.check_asked()?;
            match rest.walk(&queries.reader, ROWS_AT_ONCE, &mut visit)? {
                Walked::UpTo(cursor) => rest.before = Some(cursor),
                ended => return Ok(ended),
            }
            std::thread::yield_now();
        }
    }

    /// Visits rows, at most `limit`, until `visit` returns `false`.
    pub(super) fn walk(
        &self,
        reader: &Reader,
        limit: usize,
        mut visit: impl FnMut(&Row) -> Result<bool, NoAnswer>,
    ) -> Result<Walked, NoAnswer> {
        let mut before = self.before;
        let mut left = limit;
        while left > 0 {
            let rows = reader.rows(&self.within, before, ROWS_AT_ONCE.min(left))?;
            let Some(last) = rows.last() else { return Ok(Walked::ToTheEnd) };
            before = Some(last.cursor);
            left -= rows.len().min(left);
            for row in &rows {
                if !visit(row)? {
                    return Ok(Walked::Enough);
                }
            }
        }
        Ok(before.map_or(Walked::ToTheEnd, Walked::UpTo))
    }
}

/// A run's place in the order of runs.
pub(super) fn place(run: &Run) -> Cursor {
    Cursor { started_at: run.started_at.unwrap_or(UnixMillis::UNDATED), id: run.id }
}

/// As in the `Link: rel="next"` header: `1714980000000-12`.
pub(super) fn write_cursor(cursor: Cursor) -> String {
    format!("{}-{}", cursor.started_at.0, cursor.id)
}

pub(super) fn read_cursor(text: &str) -> Result<Cursor, NoAnswer> {
    let parts = text.rsplit_once('-').and_then(|(started_at, id)| {
        Some(Cursor { started_at: UnixMillis(started_at.parse().ok()?), id: id.parse().ok()? })
    });
    parts.ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        let message = Sentence::new("cursor", [("cursor", &format!("{shown:?}"))]);
        NoAnswer::invalid(message, Sentence::plain("cursor"))
    })
}

#[cfg(test)]
mod tests {
    use bp_proto::{Draft, Start, Ulid};

    use super::*;
    use crate::queries::key_rule;
    use crate::store::writer;

    #[test]
    fn a_walk_stops_at_its_limit_and_goes_on_from_there() {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let (mut writer, reader) = writer::open(dir.path(), key_rule()).unwrap();
        for n in 1..=5 {
            let draft = Draft { started_at: UnixMillis(n), ..Draft::default() };
            let uid = Ulid::from_parts(n as u64, 0);
            let start = Start { uid, draft, owner: None, under: None, parent: None, context: None };
            writer.begin(&start).unwrap();
        }
        writer.commit().unwrap();
        let walk = |scope: &Scope, limit, enough: u64| {
            let mut seen = Vec::new();
            let walked = scope.walk(&reader, limit, |row| {
                seen.push(row.cursor.id);
                Ok(row.cursor.id != enough)
            });
            (walked.unwrap(), seen)
        };
        let (walked, seen) = walk(&Scope::all(), 3, 0);
        assert_eq!(seen, [5, 4, 3]);
        let Walked::UpTo(cursor) = walked else { panic!("{walked:?}") };
        let rest = Scope { before: Some(cursor), ..Scope::all() };
        assert_eq!(walk(&rest, 3, 0), (Walked::ToTheEnd, vec![2, 1]));
        assert_eq!(walk(&Scope::all(), 9, 4), (Walked::Enough, vec![5, 4]));
    }

    #[test]
    fn a_cursor_reads_back() {
        for cursor in [
            Cursor { started_at: UnixMillis(1_714_980_000_000), id: 12 },
            Cursor { started_at: UnixMillis(-5), id: u64::MAX },
        ] {
            assert_eq!(read_cursor(&write_cursor(cursor)), Ok(cursor));
        }
        for text in ["", "12", "a-1", "1-", "1-b"] {
            assert_eq!(read_cursor(text).unwrap_err().status, 422, "{text}");
        }
    }
}
