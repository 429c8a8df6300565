//! The sockets of the HTTP door: one port on both loopback addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use crate::trouble::Trouble;

/// How many ports behind a taken one are tried before the kernel picks any.
const NEXT_PORTS: u16 = 20;

/// Connections that the kernel keeps until bpd accepts them; it has a limit of its own (`somaxconn`). When it has no room,
/// a client waits a second before its next attempt.
const BACKLOG: i32 = 4096;

/// How often the kernel is asked for a port that is free on both addresses.
const PICKS: usize = 16;

#[derive(Debug)]
pub struct Listening {
    /// The wanted address first.
    pub listeners: Vec<TcpListener>,
    pub address: SocketAddr,
    /// What is not as it was wanted, for `status`.
    pub degraded: Option<Trouble>,
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("bpd listens on loopback only, not on {0}; mend `http.listen` or BP_HTTP")]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {address}")]
    Io { address: SocketAddr, source: io::Error },
}

/// Listens on `wanted` and, where the machine has it, on the same port of the other loopback address. A port that is
/// taken on either gives way to the next free one: a page at `localhost` must never reach somebody else.
pub fn listen(wanted: SocketAddr) -> Result<Listening, ListenError> {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    if !loopback.contains(&wanted.ip()) {
        return Err(ListenError::NotLoopback(wanted));
    }
    let first = wanted.port();
    let tries = if first == 0 { 0 } else { NEXT_PORTS };
    let ports = (0..=tries).filter_map(|step| first.checked_add(step)).chain(std::iter::repeat_n(0, PICKS));
    let mut refusal = io::Error::from(io::ErrorKind::AddrInUse);
    for port in ports {
        match both(SocketAddr::new(wanted.ip(), port)) {
            Ok((listeners, address)) => {
                let degraded = (first != 0 && address.port() != first)
                    .then(|| Trouble::plain("port-taken").with("port", first).with("address", address));
                return Ok(Listening { listeners, address, degraded });
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => refusal = error,
            // A port below 1024 needs a privilege; the next ones would too, a free one does not.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => refusal = error,
            Err(source) => return Err(ListenError::Io { address: wanted, source }),
        }
    }
    Err(ListenError::Io { address: wanted, source: refusal })
}

fn both(wanted: SocketAddr) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    let main = bind(wanted)?;
    let address = main.local_addr()?;
    let other = match address.ip() {
        IpAddr::V4(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let mut listeners = vec![main];
    match bind(SocketAddr::new(other, address.port())) {
        Ok(listener) => listeners.push(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        // A machine without IPv6, or without IPv4.
        Err(_) => {}
    }
    Ok((listeners, address))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // std asks for 128.
    rustix::net::listen(&listener, BACKLOG)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_gives_way_and_that_is_said() {
        let occupant = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = occupant.local_addr().unwrap();
        let listening = listen(taken).unwrap();
        assert_ne!(listening.address.port(), taken.port());
        let said = Trouble::plain("port-taken").with("port", taken.port()).with("address", listening.address);
        assert_eq!(listening.degraded, Some(said));
    }

    #[test]
    fn a_free_port_is_served_on_every_loopback_address_of_the_machine() {
        let listening = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(listening.degraded, None);
        let has_v6 = TcpListener::bind("[::1]:0").is_ok();
        assert_eq!(listening.listeners.len(), if has_v6 { 2 } else { 1 });
        for listener in &listening.listeners {
            assert_eq!(listener.local_addr().unwrap().port(), listening.address.port());
        }
    }

    #[test]
    fn nothing_but_loopback_is_listened_on() {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
            assert!(
                matches!(listen(address.parse().unwrap()), Err(ListenError::NotLoopback(_))),
                "{address}"
            );
        }
    }
}
