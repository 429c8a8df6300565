//! One socket, asked of the kernel by its addresses (`NETLINK_SOCK_DIAG`, `sock_diag(7)`): no table is walked.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const ENOENT: i32 = 2;

/// `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;
/// Of the answer, `struct inet_diag_msg` behind the header: four bytes of state, 48 that repeat the addresses, expiry
/// and two queues; then these.
const UID_AT: usize = HEADER_BYTES + 4 + 48 + 12;
const INODE_AT: usize = UID_AT + 4;

#[derive(Debug)]
pub(super) struct Diag {
    socket: OwnedFd,
    sequence: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Uid(u32),
    /// Its process has closed it: it belongs to nobody any more.
    Closed,
    Nothing,
}

impl Diag {
    pub(super) fn open() -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        )?;
        Ok(Self { socket, sequence: 0 })
    }

    /// The socket whose own address is `local` and which is connected to `remote`.
    pub(super) fn ask(&mut self, local: SocketAddr, remote: SocketAddr) -> io::Result<Found> {
        self.sequence = self.sequence.wrapping_add(1);
        rustix::net::send(&self.socket, &request(self.sequence, local, remote), SendFlags::empty())?;
        let mut answer = [0; 1024];
        loop {
            // The kernel has queued the answer before `send` returned.
            let (read, _) = rustix::net::recv(&self.socket, &mut answer[..], RecvFlags::DONTWAIT)?;
            let answer = &answer[..read];
            if u32_at(answer, 8) == Some(self.sequence) {
                return understood(answer);
            }
        }
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
fn request(sequence: u32, local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    const LENGTH: u32 = HEADER_BYTES as u32 + 56;
    let mut bytes = Vec::with_capacity(LENGTH as usize);
    bytes.extend_from_slice(&LENGTH.to_ne_bytes());
    bytes.extend_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    bytes.extend_from_slice(&sequence.to_ne_bytes());
    // To the kernel.
    bytes.extend_from_slice(&0_u32.to_ne_bytes());
    let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
    bytes.extend_from_slice(&[family, IPPROTO_TCP, 0, 0]);
    // In any state.
    bytes.extend_from_slice(&u32::MAX.to_ne_bytes());
    bytes.extend_from_slice(&local.port().to_be_bytes());
    bytes.extend_from_slice(&remote.port().to_be_bytes());
    bytes.extend_from_slice(&sixteen(local.ip()));
    bytes.extend_from_slice(&sixteen(remote.ip()));
    // On any interface, whatever its cookie.
    bytes.extend_from_slice(&0_u32.to_ne_bytes());
    bytes.extend_from_slice(&[0xff; 8]);
    bytes
}

fn sixteen(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
    }
}

fn understood(answer: &[u8]) -> io::Result<Found> {
    let torn = || io::Error::new(io::ErrorKind::InvalidData, "a torn answer");
    let kind = answer.get(4..6).map(|bytes| u16::from_ne_bytes([bytes[0], bytes[1]])).ok_or_else(torn)?;
    match kind {
        NLMSG_ERROR => match u32_at(answer, HEADER_BYTES).ok_or_else(torn)?.cast_signed() {
            error if error == -ENOENT => Ok(Found::Nothing),
            error => Err(io::Error::from_raw_os_error(-error)),
        },
        SOCK_DIAG_BY_FAMILY => {
            let uid = u32_at(answer, UID_AT).ok_or_else(torn)?;
            let inode = u32_at(answer, INODE_AT).ok_or_else(torn)?;
            Ok(if inode == 0 { Found::Closed } else { Found::Uid(uid) })
        }
        _ => Err(torn()),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|four| u32::from_ne_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_answer_is_an_error_and_not_a_uid() {
        for length in 0..UID_AT + 8 {
            let mut answer = vec![0; length];
            if length >= 6 {
                answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
            }
            assert!(understood(&answer).is_err(), "{length}");
        }
    }
}
