//! The daemon's end of the control socket.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::answer;
use super::protocol::{Answer, MAX_REQUEST_BYTES, Request};
use crate::daemon::live::Live;

/// Requests answered at once; further ones wait.
const MAX_CONNECTIONS: usize = 32;

/// Connections that wait for the end of a run, besides; further ones are closed once they know of
/// its beginning.
const MAX_WAITING: usize = 256;

/// Longest wait for a request once somebody has connected.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause after a failed accept (no descriptors left): trying at once would only burn.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Owner and group may ask.
const MODE: u32 = 0o660;

/// The socket; removed when the daemon ends in order.
pub(in crate::daemon) struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl ControlSocket {
    /// Makes the socket. One that a dead daemon left is replaced; one that a living daemon listens
    /// on is not.
    pub(in crate::daemon) async fn bind(path: &Path) -> std::io::Result<Self> {
        if UnixStream::connect(path).await.is_ok() {
            let message = "another daemon listens there";
            return Err(std::io::Error::new(std::io::ErrorKind::AddrInUse, message));
        }
        let is_socket = std::fs::symlink_metadata(path)
            .is_ok_and(|found| std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()));
        if is_socket {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))?;
        Ok(Self {
            path: path.to_owned(),
            listener,
        })
    }

    /// Answers until `stop`; connections live on `tracker`.
    pub(in crate::daemon) async fn serve(
        self,
        live: Arc<Live>,
        tracker: TaskTracker,
        stop: CancellationToken,
    ) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let waiting = Arc::new(Semaphore::new(MAX_WAITING));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                break;
            };
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (live, stop, waiting) = (Arc::clone(&live), stop.clone(), Arc::clone(&waiting));
            drop(tracker.spawn(async move {
                tokio::select! {
                    biased;
                    () = serve_one(stream, &live, place, &waiting) => {}
                    // Whoever waits for a run's end sees the connection close.
                    () = stop.cancelled() => {}
                }
            }));
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

/// One connection: a request, its answer, and for a run that is waited for a second one.
async fn serve_one(
    stream: UnixStream,
    live: &Live,
    place: OwnedSemaphorePermit,
    waiting: &Semaphore,
) {
    let asked_by = asked_by(&stream);
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(MAX_REQUEST_BYTES as u64));
    let mut request = String::new();
    let read = tokio::time::timeout(REQUEST_TIMEOUT, lines.read_line(&mut request)).await;
    if !matches!(read, Ok(Ok(bytes)) if bytes > 0) {
        return;
    }
    let (first, ending) = match serde_json::from_str::<Request>(&request) {
        Ok(request) => answer(live, request, &asked_by).await,
        Err(error) => (Answer::Refused(format!("not a request: {error}")), None),
    };
    if !send(&mut write, &first).await {
        return;
    }
    let Some(ending) = ending else { return };
    // A run may take hours: whoever waits for it must not keep others from cancelling it.
    let Ok(_waits) = waiting.try_acquire() else {
        return;
    };
    drop(place);
    if let Some(end) = ending.await {
        send(&mut write, &end).await;
    }
}

async fn send(write: &mut tokio::net::unix::OwnedWriteHalf, answer: &Answer) -> bool {
    let Ok(mut line) = serde_json::to_vec(answer) else {
        return false;
    };
    line.push(b'\n');
    let written = tokio::time::timeout(REQUEST_TIMEOUT, write.write_all(&line)).await;
    matches!(written, Ok(Ok(())))
}

/// The user at the other end, as the kernel knows him: by name where /etc/passwd tells it.
fn asked_by(stream: &UnixStream) -> String {
    let Ok(peer) = stream.peer_cred() else {
        return "unknown".to_owned();
    };
    let uid = peer.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}
