//! Who is at the other end of a loopback connection: the kernel knows the uid of the socket over there.

mod diag;
mod table;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use diag::{Diag, Found};

#[derive(Debug)]
pub(super) struct Peers {
    /// `None` = this kernel, or a sandbox, has no socket diagnosis.
    diag: Option<Mutex<Diag>>,
    /// It has told of a socket once: from then on "no such socket" is to be believed. A kernel without the module
    /// answers the same.
    proven: AtomicBool,
}

impl Peers {
    pub(super) fn new() -> Self {
        let diag = Diag::open().inspect_err(|error| tracing::debug!("no socket diagnosis: {error}")).ok();
        Self { diag: diag.map(Mutex::new), proven: AtomicBool::new(false) }
    }

    /// The uid of the socket whose own address is `peer` and which is connected to `ours`; `None` = it is gone
    /// already.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub(super) async fn uid(&self, peer: SocketAddr, ours: SocketAddr) -> io::Result<Option<u32>> {
        match self.diagnose(peer, ours) {
            Some(Found::Uid(uid)) => {
                self.proven.store(true, Ordering::Relaxed);
                Ok(Some(uid))
            }
            Some(Found::Closed) => Ok(None),
            Some(Found::Nothing) if self.proven.load(Ordering::Relaxed) => Ok(None),
            _ => {
                tokio::task::spawn_blocking(move || table::uid(peer, ours)).await.map_err(io::Error::other)?
            }
        }
    }

    /// Microseconds, and answered by the kernel before it returns: nothing here waits.
    fn diagnose(&self, peer: SocketAddr, ours: SocketAddr) -> Option<Found> {
        let mut diag = self.diag.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        diag.ask(peer, ours).inspect_err(|error| tracing::debug!("socket diagnosis failed: {error}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn connection(to: &str, at: &str) -> (TcpStream, TcpStream, SocketAddr) {
        let listener = TcpListener::bind(at).unwrap();
        let address = format!("{to}:{}", listener.local_addr().unwrap().port());
        let client = TcpStream::connect(address).unwrap();
        let (server, peer) = listener.accept().unwrap();
        (client, server, peer)
    }

    #[tokio::test]
    async fn both_ways_name_our_own_uid_over_either_family() {
        let peers = Peers::new();
        let own = Some(rustix::process::geteuid().as_raw());
        // The last: an IPv4 connection held by an IPv6 socket.
        for (to, at) in
            [("127.0.0.1", "127.0.0.1:0"), ("[::1]", "[::1]:0"), ("[::ffff:127.0.0.1]", "127.0.0.1:0")]
        {
            let (client, server, peer) = connection(to, at);
            let ours = server.local_addr().unwrap();
            assert_eq!(peers.uid(peer, ours).await.unwrap(), own, "{to}");
            assert_eq!(table::uid(peer, ours).unwrap(), own, "{to}");
            if let Some(found) = peers.diagnose(peer, ours) {
                assert_eq!(Some(found), own.map(Found::Uid), "{to}");
            }
            drop(client);
        }
    }

    #[tokio::test]
    async fn a_client_that_has_gone_is_nobody() {
        let peers = Peers::new();
        let (client, server, peer) = connection("127.0.0.1", "127.0.0.1:0");
        let ours = server.local_addr().unwrap();
        drop(client);
        assert_eq!(peers.uid(peer, ours).await.unwrap(), None);
        assert_eq!(table::uid(peer, ours).unwrap(), None);
        let (_client, server, peer) = connection("127.0.0.1", "127.0.0.1:0");
        let ours = server.local_addr().unwrap();
        assert!(peers.uid(peer, ours).await.unwrap().is_some());
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(peers.uid(nobody, ours).await.unwrap(), None);
    }
}
