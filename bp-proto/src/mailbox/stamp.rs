//! When a line was read, as far as its shell can tell: with the shell it names the run.

use super::number;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stamp {
    /// Microseconds since 1970.
    Micros(u64),
    /// Hundredths of a second since boot, suspended time counted, and how many lines were read before in that one;
    /// `None` = as many as were told before.
    Uptime { hundredths: u64, nth: Option<u32> },
    /// A number that only grows; says nothing about the time.
    Serial(u64),
}

impl Stamp {
    /// `None` = not a stamp.
    pub(super) fn of_field(field: &[u8]) -> Option<Self> {
        match field.split_first()? {
            (b'~', serial) => number(serial).map(Self::Serial),
            (b'U', uptime) => Some(Self::Uptime { hundredths: hundredths(uptime)?, nth: None }),
            (b'u', uptime) => {
                let figures = uptime.iter().take_while(|byte| **byte != b'+').count();
                let nth =
                    uptime[figures..].iter().all(|byte| *byte == b'+').then_some(uptime.len() - figures)?;
                Some(Self::Uptime { hundredths: hundredths(&uptime[..figures])?, nth: Some(nth as u32) })
            }
            _ => number(field).map(Self::Micros),
        }
    }

    pub(super) fn to_field(self) -> String {
        match self {
            Self::Micros(micros) => micros.to_string(),
            Self::Uptime { hundredths, nth } => {
                let (letter, plus) = nth.map_or(('U', 0), |nth| ('u', nth));
                format!("{letter}{}.{:02}{}", hundredths / 100, hundredths % 100, "+".repeat(plus as usize))
            }
            Self::Serial(serial) => format!("~{serial}"),
        }
    }
}

/// `81.27`, as `/proc/uptime` has it.
fn hundredths(uptime: &[u8]) -> Option<u64> {
    let (seconds, rest) = uptime.split_last_chunk::<3>()?;
    number(seconds)?.checked_mul(100)?.checked_add(number(rest.strip_prefix(b".")?)?)
}
