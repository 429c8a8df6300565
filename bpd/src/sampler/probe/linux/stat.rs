//! One line of `/proc/PID/stat`, in one pass and without allocating.

/// What is of interest of the line; fields by their numbers in proc(5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stat<'a> {
    pub name: &'a [u8],
    pub state: u8,
    pub parent: u32,
    pub minor_faults: u64,
    pub waited_minor_faults: u64,
    pub major_faults: u64,
    pub waited_major_faults: u64,
    pub own_ticks: u64,
    pub waited_ticks: u64,
    pub threads: u32,
    pub start_ticks: u64,
    /// Its address space in bytes, and what of it is resident in pages: of that some is in books that the kernel has not
    /// added up yet.
    pub space: u64,
    pub resident: u64,
    /// A fork that has not become another program (yet).
    pub is_fork: bool,
}

/// Of the kernel's process flags, `include/linux/sched.h`: forked, and no `exec` since.
const PF_FORKNOEXEC: u64 = 0x40;

impl<'a> Stat<'a> {
    /// `None` when the line is torn.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let from = line.iter().position(|byte| *byte == b'(')? + 1;
        // The name may hold anything, parentheses too: it ends at the last one.
        let to = line.iter().rposition(|byte| *byte == b')')?;
        let name = line.get(from..to)?;
        let rest = line.get(to + 2..)?;
        let mut stat = Self { name, state: *rest.first()?, ..Self::default() };
        let mut numbers = Numbers { rest: rest.get(2..)? };
        for field in 4..=24 {
            let number = numbers.next()?;
            match field {
                4 => stat.parent = number as u32,
                9 => stat.is_fork = number & PF_FORKNOEXEC != 0,
                10 => stat.minor_faults = number,
                11 => stat.waited_minor_faults = number,
                12 => stat.major_faults = number,
                13 => stat.waited_major_faults = number,
                14 | 15 => stat.own_ticks += number,
                16 | 17 => stat.waited_ticks += number,
                20 => stat.threads = number as u32,
                22 => stat.start_ticks = number,
                23 => stat.space = number,
                24 => stat.resident = number,
                _ => {}
            }
        }
        Some(stat)
    }

    pub(super) fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// Decimal numbers between spaces; the sign of a negative one is passed over, since none that is of interest has one.
pub(super) struct Numbers<'a> {
    pub rest: &'a [u8],
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let skipped = self.rest.iter().position(u8::is_ascii_digit)?;
        let digits = self.rest[skipped..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.rest[skipped..].split_at(digits);
        self.rest = rest;
        let add = |sum: u64, digit: &u8| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        Some(number.iter().fold(0, add))
    }
}

/// The number behind `label` in a file of one labelled number a line.
pub(super) fn labelled(text: &[u8], label: &[u8]) -> Option<u64> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(label))?;
    Numbers { rest: line }.next()
}

/// A set of bits by its label.
pub(super) fn hexadecimal(text: &[u8], label: &[u8]) -> Option<u64> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(label))?;
    u64::from_str_radix(str::from_utf8(line).ok()?.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let line =
            b"42 (a b) c) 1 2) R 7 42 42 34816 -1 4194560 100 200 3 4 5 6 7 8 20 -5 9 0 98765 1000 20\n";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.name, stat.state, stat.parent), (&b"a b) c) 1 2"[..], b'R', 7));
        assert!(!stat.is_fork, "4194560 is PF_RANDOMIZE and PF_SUPERPRIV");
        assert_eq!((stat.minor_faults, stat.waited_minor_faults), (100, 200));
        assert_eq!((stat.major_faults, stat.waited_major_faults), (3, 4));
        assert_eq!((stat.own_ticks, stat.waited_ticks), (11, 15));
        assert_eq!((stat.threads, stat.start_ticks), (9, 98765));
        assert_eq!((stat.space, stat.resident), (1000, 20));
    }

    #[test]
    fn a_torn_line_is_none() {
        for line in [&b""[..], b"42", b"42 (x", b"42 (x)", b"42 (x) ", b"42 (x) S", b"42 (x) S 1 2 3"] {
            assert_eq!(Stat::parse(line), None);
        }
    }

    #[test]
    fn a_labelled_number_is_found_by_its_whole_label() {
        let text = b"VmPeak:\t  900 kB\nVmHWM:\t  800 kB\nwrite_bytes: 7\ncancelled_write_bytes: 9\n";
        assert_eq!(labelled(text, b"VmHWM:"), Some(800));
        assert_eq!(labelled(text, b"write_bytes:"), Some(7));
        assert_eq!(labelled(text, b"VmSwap:"), None);
    }
}
