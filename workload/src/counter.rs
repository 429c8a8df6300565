//! Whether the kernel lets this user count the CPU time of a process and of all that descends from it. Asked here
//! again, and not of bp: what bp could have known is what bp is held against.

#![allow(unsafe_code, reason = "perf_event_open has no safe wrapper")]

/// `PERF_TYPE_SOFTWARE`.
const SOFTWARE: u32 = 1;
/// `PERF_COUNT_SW_TASK_CLOCK`.
const TASK_CLOCK: u64 = 1;
/// `inherit` and `exclude_kernel`: without the second nobody but root may where `perf_event_paranoid` is 2, and this
/// counter heeds neither.
const FLAGS: u64 = 1 << 1 | 1 << 5;

/// The beginning of `struct perf_event_attr`, as long as its first published version.
#[repr(C)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    rest: [u64; 2],
}

/// Whether an inherited task-clock counter can be opened, on this process as on any other of the same user.
pub fn is_allowed() -> bool {
    let attributes = Attributes {
        kind: SOFTWARE,
        size: size_of::<Attributes>() as u32,
        config: TASK_CLOCK,
        sample_period: 0,
        sample_type: 0,
        read_format: 0,
        flags: FLAGS,
        rest: [0; 2],
    };
    // SAFETY: the kernel reads `size` bytes of `attributes`, and closing what it gave back ends it.
    unsafe {
        let counter = libc::syscall(libc::SYS_perf_event_open, &raw const attributes, 0, -1, -1, 0);
        counter >= 0 && libc::close(counter as libc::c_int) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_are_as_long_as_their_first_version() {
        assert_eq!(size_of::<Attributes>(), 64);
    }
}
