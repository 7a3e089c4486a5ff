//! Asking a running daemon.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::protocol::{Answer, Request};
use super::{candidates, place};
use crate::config::Config;

/// Longest wait for an answer, a run's end aside: reading 5,000 schedules takes a fraction of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no socket, or nobody behind it.
    #[error(
        "no daemon answers at {}; start one with `finstage run` (is --config the daemon's?)",
        .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
    )]
    NoDaemon(Vec<PathBuf>),
    /// This user may not ask.
    #[error("the daemon's socket {} may not be used by this user; ask as its owner or group", .0.display())]
    Forbidden(PathBuf),
    /// The connection broke, or the answer is not one.
    #[error("the daemon did not answer: {0}")]
    Broken(String),
}

/// A connection with a request on its way.
pub struct Asked(BufReader<UnixStream>);

/// Sends a request to the daemon of this configuration.
pub fn ask(config: &Config, request: &Request) -> Result<Asked, ClientError> {
    ask_within(config, request, PATIENCE)
}

/// The same, with another bound on the wait for an answer.
pub fn ask_within(
    config: &Config,
    request: &Request,
    patience: Duration,
) -> Result<Asked, ClientError> {
    let stream = connect(config)?;
    let broken = |error: std::io::Error| ClientError::Broken(error.to_string());
    stream.set_read_timeout(Some(patience)).map_err(broken)?;
    stream.set_write_timeout(Some(patience)).map_err(broken)?;
    let mut line =
        serde_json::to_vec(request).map_err(|error| ClientError::Broken(error.to_string()))?;
    line.push(b'\n');
    (&stream).write_all(&line).map_err(broken)?;
    Ok(Asked(BufReader::new(stream)))
}

impl Asked {
    /// The next answer.
    pub fn answer(&mut self) -> Result<Answer, ClientError> {
        let mut line = String::new();
        let broken = |reason: String| ClientError::Broken(reason);
        match self.0.read_line(&mut line) {
            Ok(0) => Err(broken("it closed the connection; see its log".to_owned())),
            Ok(_) => serde_json::from_str(&line).map_err(|error| broken(error.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Err(broken(
                "it is busy or stopped; what was asked may still be carried out".to_owned(),
            )),
            Err(error) => Err(broken(error.to_string())),
        }
    }

    /// The answer that comes when a run has ended, however long that takes.
    pub fn end(&mut self) -> Result<Answer, ClientError> {
        let unbounded = self.0.get_ref().set_read_timeout(None);
        unbounded.map_err(|error| ClientError::Broken(error.to_string()))?;
        self.answer()
    }
}

fn connect(config: &Config) -> Result<UnixStream, ClientError> {
    let places = candidates(config);
    for place in &places {
        match UnixStream::connect(place) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(ClientError::Forbidden(place.clone()));
            }
            Err(_) => {}
        }
    }
    // A runtime directory of systemd's is nobody's own: the daemon's place is named first.
    let told = place(config).map_or(places, |place| vec![place]);
    Err(ClientError::NoDaemon(told))
}
