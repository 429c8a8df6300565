//! The kernel's socket tables in `/proc`. Every kernel has them, but each reading walks a hash table that is sized by
//! the machine's memory: milliseconds, however few sockets there are.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The uid of the socket whose own address is `peer` and which is connected to `ours`; `None` = it is gone already.
///
/// # Errors
/// The table cannot be read.
pub(super) fn uid(peer: SocketAddr, ours: SocketAddr) -> io::Result<Option<u32>> {
    // A client may hold an IPv6 socket to an IPv4 address; it then stands in the other table, mapped.
    if peer.is_ipv4()
        && let Some(uid) = find(&std::fs::read_to_string("/proc/net/tcp")?, peer, ours)
    {
        return Ok(Some(uid));
    }
    match std::fs::read_to_string("/proc/net/tcp6") {
        Ok(table) => Ok(find(&table, mapped(peer), mapped(ours))),
        // A kernel without IPv6.
        Err(error) if peer.is_ipv4() && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid …`
fn find(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let (local, remote) = (written(local), written(remote));
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let connects = fields.next() == Some(&local) && fields.next() == Some(&remote);
        let (uid, inode) = connects.then(|| (fields.nth(4), fields.nth(1)))?;
        // A socket that its process has closed belongs to nobody: no inode, and its uid reads 0.
        uid?.parse().ok().filter(|_| inode != Some("0"))
    })
}

/// As in the table: each 32-bit word of the address in the machine's byte order, as hex; then the port.
fn written(address: SocketAddr) -> String {
    let words = match address.ip() {
        IpAddr::V4(ip) => hex_words(&ip.octets()),
        IpAddr::V6(ip) => hex_words(&ip.octets()),
    };
    format!("{words}:{:04X}", address.port())
}

fn hex_words(octets: &[u8]) -> String {
    let words = octets.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
    words.map(|word| format!("{word:08X}")).collect::<Vec<_>>().concat()
}

fn mapped(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    SocketAddr::new(IpAddr::V6(Ipv6Addr::from(ip.octets())), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1E25 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1001 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:1E25 01 00000000:00000000 00:00000000 00000000  1001        0 1002 1 0 20 4 30 10 -1
   2: 0100007F:1E25 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 1003 1 0 20 4 30 10 -1
   3: 0100007F:D432 0100007F:1E25 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn the_clients_end_is_told_from_ours_and_a_closed_one_is_nobodys() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(find(TABLE, at(0xD431), at(7717)), Some(1001));
        assert_eq!(find(TABLE, at(0xD432), at(7717)), None);
        assert_eq!(find(TABLE, at(0xD433), at(7717)), None);
        assert_eq!(find("", at(0xD431), at(7717)), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_are_written_as_the_kernel_writes_them() {
        assert_eq!(written("127.0.0.1:80".parse().unwrap()), "0100007F:0050");
        assert_eq!(written("[::1]:7717".parse().unwrap()), "00000000000000000000000001000000:1E25");
        let from_six = mapped("127.0.0.1:80".parse().unwrap());
        assert_eq!(written(from_six), "0000000000000000FFFF00000100007F:0050");
    }
}
