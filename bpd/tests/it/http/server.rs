//! A bpd behind its HTTP door, with a store of its own: every stage but the alerts.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bp_proto::UnixMillis;
use bpd::access::Access;
use bpd::event::Recorded;
use bpd::http::{self, Door, Limits};
use bpd::queries::{self, Degraded, Identity, Queries};
use bpd::words::Lang;
use bpd::{recorder, sampler, store};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::client::Request;

/// Nothing here takes a hundredth of it on an idle machine; on a busy one it may.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) access: Access,
    pub(super) token: String,
    pub(super) recorded: broadcast::WeakSender<Recorded>,
    pub(super) paused: watch::Sender<()>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<anyhow::Result<()>>,
    sampling: tokio::task::JoinHandle<()>,
    recording: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(dir: &Path) -> Self {
        // On a busy machine no deadline of the door's own may strike where it is not meant.
        let (header, body, request) = (Duration::from_secs(5), DEADLINE, DEADLINE);
        Self::with(
            dir,
            Limits { header, body, request, wrong_delay: Duration::from_millis(1), ..Limits::default() },
        )
        .await
    }

    pub(super) async fn with(dir: &Path, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (writer, reader) = store::writer::open(dir, queries::key_rule()).unwrap();
        let access = Access::load(dir).unwrap();
        let token = std::fs::read_to_string(dir.join("token")).unwrap().trim().to_owned();
        let began = UnixMillis::now();
        let identity = Identity {
            http_address: address.to_string(),
            token_file: dir.join("token"),
            socket: dir.join("bpd.sock"),
            data_dir: dir.to_owned(),
            began,
            degraded: Degraded::default(),
            program: std::path::PathBuf::new(),
        };
        let queries = Queries::new(reader, Lang::En, identity);
        let (events, events_in) = mpsc::channel(64);
        let (measured, measured_in) = mpsc::channel(64);
        let (recorded, _) = broadcast::channel(1024);
        let (paused, watched) = watch::channel(());
        let stop = CancellationToken::new();
        let door = Door {
            listeners: vec![listener],
            queries,
            events,
            recorded: recorded.downgrade(),
            pauses: watched,
            access: access.clone(),
            ignored: watch::channel(Arc::default()).1,
            began,
            limits,
        };
        let weak = recorded.downgrade();
        let interval = Duration::from_millis(200);
        Self {
            address,
            access,
            token,
            recorded: weak,
            paused,
            stop: stop.clone(),
            serving: tokio::spawn(http::run(door, stop)),
            sampling: tokio::spawn(sampler::run(
                events_in,
                measured,
                Vec::new(),
                interval,
                std::env::temp_dir(),
            )),
            recording: std::thread::spawn(move || recorder::run(writer, measured_in, recorded, began)),
        }
    }

    /// Stops as bpd does: the rim first; the rest ends because its input closes.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let ended = async {
            self.serving.await.unwrap().unwrap();
            self.sampling.await.unwrap();
            tokio::task::spawn_blocking(|| self.recording.join().unwrap()).await.unwrap();
        };
        tokio::time::timeout(DEADLINE, ended).await.expect("the stages end with their input");
    }

    pub(super) fn cancel(&self) {
        self.stop.cancel();
    }

    /// A request without credentials.
    pub(super) fn bare(&self, method: &str, target: &str) -> Request {
        Request::new(self.address, method, target)
    }

    /// A request with the token.
    pub(super) fn ask(&self, method: &str, target: &str) -> Request {
        self.bare(method, target).header("Authorization", &format!("Bearer {}", self.token))
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }
}
