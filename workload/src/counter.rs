//! Whether the kernel lets this user count the CPU time of a process and of all that descends from it. Asked here
//! again, and not of bp: what bp could have known is what bp is held against.

#![allow(unsafe_code, reason = "perf_event_open and system call filters have no safe wrapper")]

use std::io;

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

/// From now on this process and all that it starts may not open counters, as in a container with Docker's own profile.
///
/// Two system calls and no memory: it may stand between fork and exec. An error: the kernel has no system call filters.
pub fn refuse() -> io::Result<()> {
    const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    // The number of the system call is the first of `struct seccomp_data`. Programs of another ABI go by other numbers;
    // there are none among ours.
    let filter = [
        jump(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_perf_event_open as u32, 0, 1),
        jump(libc::BPF_RET | libc::BPF_K, REFUSED, 0, 0),
        jump(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the kernel copies `program` and what it points to, which both live until the calls have returned.
    unsafe {
        // Without privileges the filter is taken only from who gives up getting any.
        let is_root = libc::geteuid() == 0;
        if !is_root && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 {
            return Err(io::Error::last_os_error());
        }
        let mode = libc::c_ulong::from(libc::SECCOMP_MODE_FILTER);
        if libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

const fn jump(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_are_as_long_as_their_first_version() {
        assert_eq!(size_of::<Attributes>(), 64);
    }
}
